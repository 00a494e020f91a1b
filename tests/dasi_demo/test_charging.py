"""Charging a stored card again: paid, declined, lost, pressed twice; and giving it up."""

import asyncio

import pytest
from aiohttp.test_utils import TestServer

from support.browser_customer import Customer, ManualTime
from support.fake_gateway import FakeGateway

AGAIN = "POST subscribe/payments"


async def test_each_charge_has_a_name_of_its_own_and_is_paid(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    name = await subscriber.charge_button()
    page = await subscriber.press("/my/charge", merchant_uid=name)
    assert stand_in.charges_of(name) == 1
    assert page.count("결제 완료") == 2
    assert await subscriber.charge_button() != name


async def test_two_presses_of_one_button_charge_once(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    name = await subscriber.charge_button()
    await asyncio.gather(
        *(subscriber.press("/my/charge", merchant_uid=name) for _ in range(3)),
    )
    assert stand_in.calls[AGAIN] == 2  # the first month, and this one


async def test_a_declined_card_shows_the_reason_and_may_be_charged_again(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    stand_in.next_charge = "declined"
    declined = await subscriber.charge_button()
    page = await subscriber.press("/my/charge", merchant_uid=declined)
    assert "한도 초과" in page

    name = await subscriber.charge_button()
    assert name != declined
    await subscriber.press("/my/charge", merchant_uid=name)
    assert stand_in.charges_of(name) == 1


async def test_an_outright_refusal_is_a_failure(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    stand_in.next_charge = "refused"
    page = await subscriber.press("/my/charge", merchant_uid=await subscriber.charge_button())
    assert "PG가 거절했습니다." in page


@pytest.mark.parametrize("outcome", ["lost_after", "broken"])
async def test_a_lost_answer_is_looked_up_and_never_repeated(
    subscriber: Customer, stand_in: FakeGateway, outcome: str
) -> None:
    stand_in.next_charge = outcome
    name = await subscriber.charge_button()
    page = await subscriber.press("/my/charge", merchant_uid=name)
    assert page.count("결제 완료") == 2
    assert stand_in.charges_of(name) == 1
    assert stand_in.calls[AGAIN] == 2


async def test_while_in_doubt_nothing_more_is_charged(
    subscriber: Customer, stand_in: FakeGateway, time_: ManualTime
) -> None:
    stand_in.next_charge = "in_doubt"
    name = await subscriber.charge_button()
    page = await subscriber.press("/my/charge", merchant_uid=name)
    assert "다시 결제하지 마세요" in page
    assert "disabled" in page

    await subscriber.press("/my/charge", merchant_uid=await subscriber.charge_button())
    assert stand_in.calls[AGAIN] == 2

    stand_in.resolve(name, "paid")
    time_.pass_(seconds=5)
    page = await subscriber.see("/my")
    assert page.count("결제 완료") == 2
    assert "disabled" not in page


async def test_a_charge_that_never_arrived_is_offered_again_under_the_same_name(
    subscriber: Customer, stand_in: FakeGateway, time_: ManualTime
) -> None:
    stand_in.next_charge = "lost_before"
    name = await subscriber.charge_button()
    assert "disabled" in await subscriber.press("/my/charge", merchant_uid=name)
    time_.pass_(seconds=60)
    assert "disabled" in await subscriber.see("/my")

    time_.pass_(seconds=90)
    assert "도착하지 않은" in await subscriber.see("/my")
    assert await subscriber.charge_button() == name

    await subscriber.press("/my/charge", merchant_uid=name)
    assert stand_in.charges_of(name) == 1


async def test_when_nothing_can_be_read_the_charge_stays_in_doubt(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    name = await subscriber.charge_button()
    stand_in.is_offline = True
    page = await subscriber.press("/my/charge", merchant_uid=name)
    assert "지금은 결과를 조회할 수 없습니다" in page
    assert "disabled" in page


async def test_a_charge_that_never_left_is_said_to_be_not_charged(
    subscriber: Customer, gateway_server: tuple[FakeGateway, TestServer]
) -> None:
    name = await subscriber.charge_button()
    await gateway_server[1].close()
    page = await subscriber.press("/my/charge", merchant_uid=name)
    assert "게이트웨이에 연결되지 않아 결제하지 않았습니다" in page
    assert "disabled" not in page


async def test_an_expired_token_is_renewed_and_the_charge_made_once(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    stand_in.next_token_is_refused = True
    name = await subscriber.charge_button()
    await subscriber.press("/my/charge", merchant_uid=name)
    assert stand_in.charges_of(name) == 1


async def test_ending_the_subscription_deletes_the_card(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    page = await subscriber.press("/my/end")
    assert "구독이 해지되었습니다" in page
    assert "카드를 게이트웨이에서 지웠습니다" in page
    assert stand_in.cards == set()


async def test_a_deletion_that_cannot_be_confirmed_is_not_claimed_and_nothing_more_is_charged(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    name = await subscriber.charge_button()
    stand_in.is_offline = True
    page = await subscriber.press("/my/end")
    assert "구독이 해지되었습니다" in page
    assert "아직 확인하지 못했습니다" in page

    stand_in.is_offline = False
    await subscriber.press("/my/charge", merchant_uid=name)
    assert stand_in.charges_of(name) == 0
    assert "카드를 게이트웨이에서 지웠습니다" in await subscriber.press("/my/end")

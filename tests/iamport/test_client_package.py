"""Other people's client, unmodified: `iamport-rest-client` 0.9.0 from the package index."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from typing import Any

import pytest

from iamport import Iamport
from support.gateway_merchant import MerchantClient

Client = Callable[..., Any]


@pytest.fixture
async def client(gateway: MerchantClient) -> AsyncIterator[Client]:
    """`await client("pay_again", …)`: one method of the package, in a thread, as it blocks."""
    assert version("iamport-rest-client") == "0.9.0"
    iamport = Iamport(
        imp_key=gateway.key.api_key,
        imp_secret=gateway.key.api_secret,
        imp_url=f"{gateway.url}/",
    )

    async def ask(method: str, *positional: Any, **named: Any) -> Any:
        return await asyncio.to_thread(getattr(iamport, method), *positional, **named)

    yield ask
    iamport.requests_session.close()


async def test_it_charges_and_finds_the_payment(gateway: MerchantClient, client: Client) -> None:
    await gateway.register_card("card-1")

    paid = await client("pay_again", customer_uid="card-1", merchant_uid="order-1", amount=9_900)

    assert (paid["status"], paid["amount"]) == ("paid", 9_900)
    assert await client("find", merchant_uid="order-1") == paid
    assert await client("find", imp_uid=paid["imp_uid"]) == paid
    assert await client("is_paid", 9_900, imp_uid=paid["imp_uid"])
    assert not await client("is_paid", 9_901, imp_uid=paid["imp_uid"])
    assert await gateway.net_krw() == 9_900


async def test_a_korean_order_number_survives_the_way(
    gateway: MerchantClient, client: Client
) -> None:
    await gateway.register_card("card-1")

    await client("pay_again", customer_uid="card-1", merchant_uid="구독 1월·가", amount=9_900)

    assert (await client("find", merchant_uid="구독 1월·가"))["merchant_uid"] == "구독 1월·가"


async def test_it_reads_the_card(gateway: MerchantClient, client: Client) -> None:
    await gateway.register_card("card-1", buyer_name="홍길동")

    card = await client("customer_get", "card-1")

    assert (card["customer_uid"], card["customer_name"]) == ("card-1", "홍길동")


async def test_unknown_objects_are_refused_as_its_tests_expect(client: Client) -> None:
    for unknown in ({"merchant_uid": "nothing"}, {"imp_uid": "nothing"}):
        with pytest.raises(Iamport.HttpError) as not_found:
            await client("find", **unknown)
        assert (not_found.value.code, not_found.value.reason) == (404, "Not Found")
    with pytest.raises(Iamport.ResponseError) as nobody:
        await client("pay_again", customer_uid="nobody", merchant_uid="order-1", amount=100)
    assert nobody.value.code == 1
    with pytest.raises(Iamport.ResponseError) as no_card:
        await client("customer_get", "nobody")
    assert no_card.value.code == 1
    assert no_card.value.message == (
        "요청하신 customer_uid(nobody)로 등록된 정보를 찾을 수 없습니다."
    )


async def test_a_paid_order_is_refused_with_code_minus_1(
    gateway: MerchantClient, client: Client
) -> None:
    await gateway.register_card("card-1")
    order = {"customer_uid": "card-1", "merchant_uid": "order-1", "amount": 9_900}
    await client("pay_again", **order)

    with pytest.raises(Iamport.ResponseError) as refused:
        await client("pay_again", **order)

    assert refused.value.code == -1
    assert await gateway.net_krw() == 9_900


async def test_it_books_reads_and_revokes_charges(gateway: MerchantClient, client: Client) -> None:
    await gateway.register_card("card-1")
    at = int(time.time()) + 1_000
    request = {"customer_uid": "card-1", "checking_amount": 0}
    items = [
        {"merchant_uid": order, "schedule_at": at + n, "amount": 9_900}
        for n, order in enumerate(("order-1", "order-2", "order-3"))
    ]

    schedules = await client("pay_schedule", **request, schedules=items)

    assert [schedule["schedule_status"] for schedule in schedules] == ["scheduled"] * 3
    assert await client("pay_schedule_get", "order-1") == schedules[0]
    page = await client("pay_schedule_get_between", schedule_from=at, schedule_to=at + 2)
    assert page["list"] == [schedules[1], schedules[0]], "the newest first, the end not included"
    (revoked,) = await client("pay_unschedule", customer_uid="card-1", merchant_uid="order-1")
    assert (revoked["merchant_uid"], revoked["schedule_status"]) == ("order-1", "revoked")
    assert len(await client("pay_unschedule", customer_uid="card-1")) == 2
    with pytest.raises(Iamport.ResponseError, match="취소할 예약결제 기록이") as nothing:
        await client("pay_unschedule", customer_uid="card-1")
    with pytest.raises(Iamport.ResponseError, match="등록된 고객정보가 없습니다") as nobody:
        await client("pay_schedule", customer_uid="nobody", schedules=items)
    assert (nothing.value.code, nobody.value.code) == (1, 1)
    with pytest.raises(Iamport.HttpError):
        await client("pay_schedule_get", "nobody")


async def test_it_cancels_prepares_and_removes(gateway: MerchantClient, client: Client) -> None:
    await gateway.register_card("card-1")
    paid = await client("pay_again", customer_uid="card-1", merchant_uid="order-1", amount=9_900)

    part = await client("cancel", "고객 변심", merchant_uid="order-1", amount=900, checksum=9_900)
    rest = await client("cancel", "고객 변심", imp_uid=paid["imp_uid"])
    with pytest.raises(Iamport.ResponseError, match="이미 전액취소된 주문입니다") as twice:
        await client("cancel", "고객 변심", imp_uid=paid["imp_uid"])

    assert (part["cancel_amount"], rest["cancel_amount"], twice.value.code) == (900, 9_900, 1)
    assert (await client("prepare", "order-2", 100))["amount"] == 100
    assert (await client("prepare_validate", "order-2", 100)) is True
    assert (await client("prepare_validate", "order-2", 101)) is False
    assert (await client("customer_delete", "card-1"))["customer_uid"] == "card-1"
    assert await gateway.net_krw() == 0


CARD = {"card_number": "4092-0230-1234-1234", "expiry": "2031-12", "birth": "500203"}


async def test_card_numbers_are_refused_as_its_tests_expect(client: Client) -> None:
    with pytest.raises(Iamport.ResponseError) as onetime:
        await client("pay_onetime", merchant_uid="order-1", amount=100, pwd_2digit="19", **CARD)
    with pytest.raises(Iamport.ResponseError) as issue:
        await client("customer_create", customer_uid="card-1", pwd_2digit="19", **CARD)
    with pytest.raises(Iamport.ResponseError) as foreign:
        await client("pay_foreign", merchant_uid="order-1", amount=100, **CARD)

    assert (onetime.value.code, issue.value.code, foreign.value.code) == (-1, -1, -1)
    assert "카드정보 인증에 실패하였습니다." in onetime.value.message
    assert "카드정보 인증 및 빌키 발급에 실패하였습니다." in issue.value.message


async def test_wrong_credentials_are_a_401(gateway: MerchantClient) -> None:
    iamport = Iamport(imp_key="nobody", imp_secret="nothing", imp_url=f"{gateway.url}/")

    with pytest.raises(Iamport.HttpError) as refused:
        await asyncio.to_thread(iamport.find, imp_uid="imp_1")

    assert refused.value.code == 401
    iamport.requests_session.close()

"""Adapter and simulator over HTTP: the acceptance cases in which every answer arrives.

The cases with a lost answer are in `test_lost_answers`. The tests assert each answer's outcome, the
result of a later lookup, and KICC's own records.
"""

import asyncio
from datetime import timedelta

import pytest

from dasi.providers.kicc.notifications import Notice, acknowledge, parse_notice
from dasi.providers.port import (
    Approved,
    AttemptKind,
    Cancelled,
    Declined,
    Found,
    KeyDeleted,
    KeyIssued,
    NotFound,
)
from support.fake_kicc import Call, Reply, far_side
from support.kicc_merchant import ACCOUNT, OTHER_ACCOUNT, KiccMerchant, open_kicc_merchant


async def test_01_pay_then_cancel_in_parts_until_nothing_is_left(
    kicc_merchant: KiccMerchant,
) -> None:
    order, attempt = kicc_merchant.order(19_900), kicc_merchant.attempt()
    approved = await kicc_merchant.pay(order, attempt=attempt)
    assert isinstance(approved, Approved), approved
    assert (await kicc_merchant.transaction(approved.pg_tid))["statusCode"] == "TS03"

    first = await kicc_merchant.cancel(approved, 5_000)
    assert isinstance(first, Cancelled), first
    assert (first.amount_krw, first.remain_krw) == (5_000, 14_900)
    rest = await kicc_merchant.cancel(approved, 14_900, remain_krw=14_900)
    assert isinstance(rest, Cancelled), rest
    assert (rest.amount_krw, rest.remain_krw) == (14_900, 0)
    assert (await kicc_merchant.transaction(approved.pg_tid))["statusCode"] == "TS06"

    third = await kicc_merchant.cancel(approved, 5_000, remain_krw=5_000)
    assert isinstance(third, Declined), third
    finding = await kicc_merchant.look_up(attempt, order, AttemptKind.APPROVE)
    assert isinstance(finding, Found)
    assert finding.state == "partly_cancelled", "KICC reports no more"


async def test_02_cancel_before_and_after_capture(kicc_merchant: KiccMerchant) -> None:
    for is_captured, status in ((False, "TS02"), (True, "TS05")):
        approved = await kicc_merchant.paid(9_900)
        if is_captured:
            await kicc_merchant.turn(timedelta(days=1))
            await kicc_merchant.kicc.control("POST", "/capture")
        attempt = kicc_merchant.attempt()
        cancelled = await kicc_merchant.cancel(approved, 9_900, attempt=attempt)
        assert isinstance(cancelled, Cancelled), cancelled
        assert (cancelled.amount_krw, cancelled.remain_krw) == (9_900, 0)
        assert (await kicc_merchant.transaction(approved.pg_tid))["statusCode"] == status
        finding = await kicc_merchant.provider.look_up(
            ACCOUNT, attempt, kind=AttemptKind.CANCEL, pg_order_id=None, amount_krw=9_900
        )
        assert isinstance(finding, Found)
        assert finding.state == "cancelled"
        assert isinstance(finding.outcome, Cancelled)
        assert finding.outcome.cancel_tid == cancelled.cancel_tid


async def test_03_register_charge_remove_and_no_more(kicc_merchant: KiccMerchant) -> None:
    issued = await kicc_merchant.register()
    assert isinstance(issued, KeyIssued), issued
    assert issued.card.number_masked is not None
    assert "*" in issued.card.number_masked
    assert (await kicc_merchant.kicc.state())["sums"] == {}, (
        "a card was registered, nothing was charged"
    )

    order = kicc_merchant.order()
    charged = await kicc_merchant.charge(issued.billing_key, order)
    assert isinstance(charged, Approved), charged
    assert charged.card.number_masked is not None
    removed = await kicc_merchant.provider.delete_key(
        ACCOUNT, kicc_merchant.attempt(), billing_key=issued.billing_key
    )
    assert isinstance(removed, KeyDeleted), removed
    refused = await kicc_merchant.charge(issued.billing_key, kicc_merchant.order())
    assert isinstance(refused, Declined), refused
    assert issued.billing_key not in refused.text


async def test_04_another_merchants_key_is_refused(kicc_merchant: KiccMerchant) -> None:
    order = kicc_merchant.order()
    outcome = await kicc_merchant.charge(await kicc_merchant.key(), order, account=OTHER_ACCOUNT)
    assert isinstance(outcome, Declined), outcome
    assert (await kicc_merchant.books(order))["approvals"] == 0


async def test_09_a_forged_return_moves_no_money(kicc_merchant: KiccMerchant) -> None:
    order = kicc_merchant.order()
    cancelled = await kicc_merchant.window(order, choice="cancel")
    assert not cancelled.is_authenticated
    forged = kicc_merchant.provider.read_return(
        {
            "resCd": "0000",
            "resMsg": "정상",
            "shopOrderNo": order.pg_order_id,
            "authorizationId": cancelled.session_id,
        }
    )
    assert forged.is_authenticated, "the post says so, and proves nothing"
    outcome = await kicc_merchant.provider.approve(
        ACCOUNT,
        kicc_merchant.attempt(),
        session_id=forged.session_id,
        pg_order_id=order.pg_order_id,
        amount_krw=order.amount_krw,
    )
    assert isinstance(outcome, Declined), outcome
    assert (outcome.code, outcome.reason) == ("R102", "not_authenticated")
    assert (await kicc_merchant.books(order))["approvals"] == 0


@pytest.mark.parametrize("form", ["json", "legacy"])
async def test_10_and_11_early_and_forged_notifications_are_only_hints(form: str) -> None:
    notifications: list[Notice] = []

    def take(call: Call) -> Reply:
        notifications.append(parse_notice(call.headers["content-type"], call.content))
        content_type, body = acknowledge(notifications[-1].form, is_stored=True)
        head = f"HTTP/1.1 200 X\r\nContent-Type: {content_type}\r\n"
        return Reply(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async with (
        open_kicc_merchant(notice_before_answer=True) as kicc_merchant,
        far_side(take) as endpoint,
    ):
        await kicc_merchant.kicc.mall(
            ACCOUNT.pg_merchant_id, notice={"url": endpoint.url, "form": form}
        )
        billing_key, order, attempt = (
            await kicc_merchant.key(),
            kicc_merchant.order(),
            kicc_merchant.attempt(),
        )
        notifications.clear()
        await kicc_merchant.kicc.hold("batch", when="after")
        charging = asyncio.create_task(kicc_merchant.charge(billing_key, order, attempt=attempt))
        await kicc_merchant.kicc.wait_held()
        assert not charging.done()
        early = notifications[0]
        assert (early.form, early.kind) == (form, "approved")
        assert (early.shop_order_no, early.amount_krw) == (order.pg_order_id, 9_900)
        finding = await kicc_merchant.look_up(attempt, order)
        assert isinstance(finding, Found), "the hint was worth a lookup"
        await kicc_merchant.kicc.release()
        approved = await charging
        assert isinstance(approved, Approved), approved

        before = await kicc_merchant.kicc.state()
        await kicc_merchant.kicc.control(
            "POST",
            "/notices/forge",
            {
                "mallId": ACCOUNT.pg_merchant_id,
                "pgCno": approved.pg_tid,
                "notiType": "10",
                "fields": {"amount": "1"},
            },
        )
        delivered = await kicc_merchant.kicc.notices(is_quiet=True)
        assert {delivery["state"] for delivery in delivered} == {"delivered"}, delivered
        assert notifications[-1].amount_krw == 1
        assert notifications[-1].notice_id == early.notice_id, "and it poses as a repetition"
        truth = await kicc_merchant.look_up(attempt, order)
        assert isinstance(truth, Found)
        assert isinstance(truth.outcome, Approved)
        assert truth.outcome.amount_krw == 9_900
        assert (await kicc_merchant.kicc.state())["sums"] == before["sums"]


async def test_13_shapes_numbers_and_fields_may_vary() -> None:
    for switches in (
        {"shape": "full"},
        {"shape": "compact"},
        {"shape": "compact", "amounts": "string", "extra_fields": True},
    ):
        async with open_kicc_merchant(**switches) as kicc_merchant:
            order, attempt = kicc_merchant.order(), kicc_merchant.attempt()
            charged = await kicc_merchant.charge(await kicc_merchant.key(), order, attempt=attempt)
            assert isinstance(charged, Approved), (switches, charged)
            assert charged.amount_krw == 9_900
            assert charged.card.brand is not None
            assert charged.approval_no is not None
            assert isinstance(await kicc_merchant.look_up(attempt, order), Found)
            back = await kicc_merchant.cancel(charged, 900)
            assert isinstance(back, Cancelled), (switches, back)
            assert back.remain_krw == 9_000


async def test_16_no_class_depends_on_an_undocumented_code(kicc_merchant: KiccMerchant) -> None:
    """The outcomes are the same when every such code is random."""
    billing_key = await kicc_merchant.key()
    unknown_key = await kicc_merchant.charge("021766260903BA999999", kicc_merchant.order())
    paid = await kicc_merchant.paid(9_900)
    await kicc_merchant.cancel(paid, 9_900)
    again = await kicc_merchant.cancel(paid, 9_900)
    unheard_of = await kicc_merchant.look_up(kicc_merchant.attempt(), kicc_merchant.order())
    limit = await kicc_merchant.charge(billing_key, kicc_merchant.order(18_521))
    assert isinstance(unknown_key, Declined)
    assert isinstance(again, Declined)
    assert isinstance(unheard_of, NotFound)
    assert isinstance(limit, Declined)
    assert (limit.code, limit.reason) == ("8521", "limit_exceeded")

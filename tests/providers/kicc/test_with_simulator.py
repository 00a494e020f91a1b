"""Adapter and simulator over HTTP: the sixteen acceptance stories, as far as the two alone go.

Settling doubts is the gateway's work; here is shown what it can stand on: the class each answer
gets, what a look-up tells afterwards, and what KICC's books say.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.kicc.notifications import Notice, acknowledge, parse_notice
from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Cancelled,
    Declined,
    Found,
    KeyDeleted,
    KeyIssued,
    NotFound,
    NotSent,
    Order,
    Unknown,
)
from support.fake_kicc import Call, Reply, far_side
from support.kicc_merchant import ACCOUNT, OTHER_ACCOUNT, KiccMerchant, open_kicc_merchant

STRANGE: dict[str, Any] = {
    "shape": "mixed",
    "amounts": "string",
    "extra_fields": True,
    "random_codes": True,
    "key_in_query": True,
}


@pytest.fixture(params=[{}, STRANGE], ids=["plain", "strange"])
async def kicc_merchant(request: pytest.FixtureRequest) -> AsyncIterator[KiccMerchant]:
    """Every story is told twice: by a plain KICC, and by one that varies all it may vary."""
    async with open_kicc_merchant(**request.param) as opened:
        yield opened


@pytest.fixture
async def impatient_kicc_merchant() -> AsyncIterator[KiccMerchant]:
    """Waits half a second for an answer, so that a withheld one need not be sat out."""
    async with open_kicc_merchant(total_timeout_s=0.5) as opened:
        yield opened


async def look_up(
    kicc_merchant: KiccMerchant,
    attempt: Attempt,
    order: Order,
    kind: AttemptKind = AttemptKind.CHARGE,
) -> object:
    return await kicc_merchant.provider.look_up(
        ACCOUNT,
        attempt,
        kind=kind,
        pg_order_id=order.pg_order_id,
        amount_krw=order.amount_krw,
    )


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
    found = await look_up(kicc_merchant, attempt, order, AttemptKind.APPROVE)
    assert isinstance(found, Found)
    assert found.state == "partly_cancelled", "KICC tells no more than that"


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
        found = await kicc_merchant.provider.look_up(
            ACCOUNT, attempt, kind=AttemptKind.CANCEL, pg_order_id=None, amount_krw=9_900
        )
        assert isinstance(found, Found)
        assert found.state == "cancelled"
        assert isinstance(found.outcome, Cancelled)
        assert found.outcome.cancel_tid == cancelled.cancel_tid


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


async def test_04_another_malls_key_is_refused(kicc_merchant: KiccMerchant) -> None:
    order = kicc_merchant.order()
    outcome = await kicc_merchant.charge(await kicc_merchant.key(), order, account=OTHER_ACCOUNT)
    assert isinstance(outcome, Declined), outcome
    assert (await kicc_merchant.books(order))["approvals"] == 0


async def test_05_the_same_request_twice_charges_once(kicc_merchant: KiccMerchant) -> None:
    billing_key, order, attempt = (
        await kicc_merchant.key(),
        kicc_merchant.order(),
        kicc_merchant.attempt(),
    )
    first = await kicc_merchant.charge(billing_key, order, attempt=attempt)
    second = await kicc_merchant.charge(billing_key, order, attempt=attempt)
    assert isinstance(first, Approved), first
    assert isinstance(second, Unknown), "a repetition says nothing about the first"
    assert (await kicc_merchant.books(order))["approvals"] == 1
    found = await look_up(kicc_merchant, attempt, order)
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Approved)
    assert found.outcome.pg_tid == first.pg_tid


async def test_05b_two_at_once_charge_once(kicc_merchant: KiccMerchant) -> None:
    billing_key, order, attempt = (
        await kicc_merchant.key(),
        kicc_merchant.order(),
        kicc_merchant.attempt(),
    )
    outcomes = await asyncio.gather(
        *(kicc_merchant.charge(billing_key, order, attempt=attempt) for _ in range(4))
    )
    assert sum(isinstance(outcome, Approved) for outcome in outcomes) == 1
    assert not any(isinstance(outcome, Declined) for outcome in outcomes)
    assert (await kicc_merchant.books(order))["approvals"] == 1


async def test_06_a_withheld_answer_is_found_once(impatient_kicc_merchant: KiccMerchant) -> None:
    kicc_merchant = impatient_kicc_merchant
    billing_key, order, attempt = (
        await kicc_merchant.key(),
        kicc_merchant.order(17_001),
        kicc_merchant.attempt(),
    )
    assert isinstance(await kicc_merchant.charge(billing_key, order, attempt=attempt), Unknown)
    found = await look_up(kicc_merchant, attempt, order)
    assert isinstance(found, Found)
    assert found.state == "held"
    assert isinstance(found.outcome, Approved)
    assert await kicc_merchant.books(order) == {
        "approvals": 1,
        "live": 1,
        "approved": 17_001,
        "cancelled": 0,
        "net": 17_001,
    }


async def test_07_an_early_look_up_finds_nothing_and_a_later_one_does(
    impatient_kicc_merchant: KiccMerchant,
) -> None:
    kicc_merchant = impatient_kicc_merchant
    billing_key, order, attempt = (
        await kicc_merchant.key(),
        kicc_merchant.order(17_003),
        kicc_merchant.attempt(),
    )
    assert isinstance(await kicc_merchant.charge(billing_key, order, attempt=attempt), Unknown)
    assert isinstance(await look_up(kicc_merchant, attempt, order), NotFound), (
        "it still runs at KICC"
    )
    await kicc_merchant.kicc.advance(60)
    async with asyncio.timeout(10):
        while not isinstance(found := await look_up(kicc_merchant, attempt, order), Found):
            assert isinstance(found, NotFound), found
    assert found.state == "held"


async def test_08_a_partial_cancel_in_doubt_never_refunds_twice(
    impatient_kicc_merchant: KiccMerchant,
) -> None:
    kicc_merchant = impatient_kicc_merchant
    approved = await kicc_merchant.paid(19_900)
    attempt = kicc_merchant.attempt()
    await kicc_merchant.kicc.scenario("executed_answer_withheld", "revise")
    doubtful = await kicc_merchant.cancel(approved, 5_000, attempt=attempt)
    assert isinstance(doubtful, Unknown), doubtful
    again = await kicc_merchant.cancel(approved, 5_000)
    assert isinstance(again, Declined), "what we hold to be left no longer fits"
    assert (await kicc_merchant.transaction(approved.pg_tid))["cancelledAmount"] == 5_000
    found = await kicc_merchant.provider.look_up(
        ACCOUNT, attempt, kind=AttemptKind.CANCEL, pg_order_id=None, amount_krw=5_000
    )
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Cancelled)
    assert found.outcome.remain_krw == 14_900


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
async def test_10_and_11_notices_come_early_or_forged_and_are_only_hints(form: str) -> None:
    notices: list[Notice] = []

    def take(call: Call) -> Reply:
        notices.append(parse_notice(call.headers["content-type"], call.content))
        ack = acknowledge(notices[-1].form, is_stored=True)
        head = f"HTTP/1.1 200 X\r\nContent-Type: {ack.content_type}\r\n"
        return Reply(f"{head}Content-Length: {len(ack.body)}\r\n\r\n".encode() + ack.body)

    async with (
        open_kicc_merchant(notice_before_answer=True) as kicc_merchant,
        far_side(take) as receiver,
    ):
        await kicc_merchant.kicc.mall(
            ACCOUNT.pg_merchant_id, notice={"url": receiver.url, "form": form}
        )
        billing_key, order, attempt = (
            await kicc_merchant.key(),
            kicc_merchant.order(),
            kicc_merchant.attempt(),
        )
        notices.clear()
        await kicc_merchant.kicc.hold("batch", when="after")
        charging = asyncio.create_task(kicc_merchant.charge(billing_key, order, attempt=attempt))
        await kicc_merchant.kicc.wait_held()
        assert not charging.done()
        early = notices[0]
        assert (early.form, early.kind) == (form, "approved")
        assert (early.shop_order_no, early.amount_krw) == (order.pg_order_id, 9_900)
        found = await look_up(kicc_merchant, attempt, order)
        assert isinstance(found, Found), "the hint was worth a look"
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
        told = await kicc_merchant.kicc.notices(is_quiet=True)
        assert {notice["state"] for notice in told} == {"delivered"}, told
        assert notices[-1].amount_krw == 1
        assert notices[-1].notice_id == early.notice_id, "and it poses as a repetition"
        truth = await look_up(kicc_merchant, attempt, order)
        assert isinstance(truth, Found)
        assert isinstance(truth.outcome, Approved)
        assert truth.outcome.amount_krw == 9_900
        assert (await kicc_merchant.kicc.state())["sums"] == before["sums"]


async def test_12_nothing_is_repeated_across_midnight(
    impatient_kicc_merchant: KiccMerchant,
) -> None:
    kicc_merchant = impatient_kicc_merchant
    billing_key = await kicc_merchant.key()
    await kicc_merchant.turn(timedelta(hours=13, minutes=59))
    order, attempt = kicc_merchant.order(17_001), kicc_merchant.attempt()
    assert isinstance(await kicc_merchant.charge(billing_key, order, attempt=attempt), Unknown)
    await kicc_merchant.turn(timedelta(minutes=2))
    again = await kicc_merchant.charge(billing_key, order, attempt=attempt)
    assert isinstance(again, NotSent), "KICC has forgotten the name and would charge again"
    assert (await kicc_merchant.books(order))["approvals"] == 1
    found = await look_up(kicc_merchant, attempt, order)
    assert isinstance(found, Found), "yesterday is still told"


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
            assert isinstance(await look_up(kicc_merchant, attempt, order), Found)
            back = await kicc_merchant.cancel(charged, 900)
            assert isinstance(back, Cancelled), (switches, back)
            assert back.remain_krw == 9_000


async def test_14_after_a_crash_the_name_and_the_day_are_enough(
    kicc_merchant: KiccMerchant,
) -> None:
    billing_key, order, attempt = (
        await kicc_merchant.key(),
        kicc_merchant.order(),
        kicc_merchant.attempt(),
    )
    await kicc_merchant.kicc.hold("batch", when="after")
    charging = asyncio.create_task(kicc_merchant.charge(billing_key, order, attempt=attempt))
    await kicc_merchant.kicc.wait_held()
    charging.cancel()  # the process that asked dies here
    with pytest.raises(asyncio.CancelledError):
        await charging
    await kicc_merchant.kicc.release(is_answered=False)

    risen = KiccProvider(
        sandbox_url=kicc_merchant.kicc.base_url,
        live_url="https://live.invalid",
        clock=kicc_merchant.clock,
        connections_max=1,
    )
    try:
        found = await risen.look_up(
            ACCOUNT,
            Attempt(attempt_id=attempt.attempt_id, business_date=attempt.business_date),
            kind=AttemptKind.CHARGE,
            pg_order_id=order.pg_order_id,
            amount_krw=order.amount_krw,
        )
    finally:
        await risen.close()
    assert isinstance(found, Found)
    assert found.state == "held"


async def test_15_past_the_inquiry_window_nothing_is_concluded(
    impatient_kicc_merchant: KiccMerchant,
) -> None:
    kicc_merchant = impatient_kicc_merchant
    billing_key, order, attempt = (
        await kicc_merchant.key(),
        kicc_merchant.order(17_001),
        kicc_merchant.attempt(),
    )
    assert isinstance(await kicc_merchant.charge(billing_key, order, attempt=attempt), Unknown)
    await kicc_merchant.turn(timedelta(days=2))
    asked_before = (await kicc_merchant.kicc.state())["requests"]
    assert isinstance(await look_up(kicc_merchant, attempt, order), Unknown), "a person must look"
    assert (await kicc_merchant.kicc.state())["requests"] == asked_before


async def test_16_no_class_depends_on_an_undocumented_code(kicc_merchant: KiccMerchant) -> None:
    """Told twice, once with every such code random: the outcomes are the same."""
    billing_key = await kicc_merchant.key()
    unknown_key = await kicc_merchant.charge("021766260903BA999999", kicc_merchant.order())
    paid = await kicc_merchant.paid(9_900)
    await kicc_merchant.cancel(paid, 9_900)
    again = await kicc_merchant.cancel(paid, 9_900)
    unheard_of = await look_up(kicc_merchant, kicc_merchant.attempt(), kicc_merchant.order())
    limit = await kicc_merchant.charge(billing_key, kicc_merchant.order(18_521))
    assert isinstance(unknown_key, Declined)
    assert isinstance(again, Declined)
    assert isinstance(unheard_of, NotFound)
    assert isinstance(limit, Declined)
    assert (limit.code, limit.reason) == ("8521", "limit_exceeded")


async def test_a_lost_key_issue_is_found_only_where_kicc_shows_the_key(
    kicc_merchant: KiccMerchant,
) -> None:
    attempt = kicc_merchant.attempt()
    await kicc_merchant.kicc.scenario("executed_answer_cut", "approval")
    assert isinstance(await kicc_merchant.register(attempt=attempt), Unknown)
    found = await kicc_merchant.provider.look_up(
        ACCOUNT, attempt, kind=AttemptKind.ISSUE_KEY, pg_order_id=None, amount_krw=None
    )
    if (await kicc_merchant.kicc.settings())["key_in_query"]:
        assert isinstance(found, Found)
        assert isinstance(found.outcome, KeyIssued)
        charged = await kicc_merchant.charge(found.outcome.billing_key, kicc_merchant.order())
        assert isinstance(charged, Approved), "it is a key that works"
    else:
        assert isinstance(found, Unknown)
        assert found.pg_tid, "whoever asks KICC has its number"

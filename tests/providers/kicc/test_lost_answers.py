"""Adapter and simulator over HTTP: the acceptance cases in which an answer is lost or repeated.

The gateway resolves such attempts. These tests assert the facts that it can rely on: `Unknown`
first, then the result of a lookup, and one approval in KICC's records.
"""

import asyncio
from datetime import timedelta

import pytest

from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Cancelled,
    Declined,
    Found,
    KeyIssued,
    NotFound,
    NotSent,
    Unknown,
)
from support.kicc_merchant import ACCOUNT, KiccMerchant


async def test_05_the_same_request_twice_charges_once(kicc_merchant: KiccMerchant) -> None:
    billing_key, order, attempt = (
        await kicc_merchant.key(),
        kicc_merchant.order(),
        kicc_merchant.attempt(),
    )
    first = await kicc_merchant.charge(billing_key, order, attempt=attempt)
    second = await kicc_merchant.charge(billing_key, order, attempt=attempt)
    assert isinstance(first, Approved), first
    assert isinstance(second, Unknown), "a repetition proves nothing about the first request"
    assert (await kicc_merchant.books(order))["approvals"] == 1
    finding = await kicc_merchant.look_up(attempt, order)
    assert isinstance(finding, Found)
    assert isinstance(finding.outcome, Approved)
    assert finding.outcome.pg_tid == first.pg_tid


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
    finding = await kicc_merchant.look_up(attempt, order)
    assert isinstance(finding, Found)
    assert finding.state == "held"
    assert isinstance(finding.outcome, Approved)
    assert await kicc_merchant.books(order) == {
        "approvals": 1,
        "live": 1,
        "approved": 17_001,
        "cancelled": 0,
        "net": 17_001,
    }


async def test_07_early_lookup_finds_nothing_and_a_later_lookup_does(
    impatient_kicc_merchant: KiccMerchant,
) -> None:
    kicc_merchant = impatient_kicc_merchant
    billing_key, order, attempt = (
        await kicc_merchant.key(),
        kicc_merchant.order(17_003),
        kicc_merchant.attempt(),
    )
    assert isinstance(await kicc_merchant.charge(billing_key, order, attempt=attempt), Unknown)
    assert isinstance(await kicc_merchant.look_up(attempt, order), NotFound), (
        "it still runs at KICC"
    )
    await kicc_merchant.kicc.advance(60)
    async with asyncio.timeout(10):
        while not isinstance(finding := await kicc_merchant.look_up(attempt, order), Found):
            assert isinstance(finding, NotFound), finding
    assert finding.state == "held"


async def test_08_a_partial_cancel_in_doubt_never_refunds_twice(
    impatient_kicc_merchant: KiccMerchant,
) -> None:
    kicc_merchant = impatient_kicc_merchant
    approved = await kicc_merchant.paid(19_900)
    attempt = kicc_merchant.attempt()
    await kicc_merchant.kicc.scenario("executed_answer_withheld", "revise")
    lost = await kicc_merchant.cancel(approved, 5_000, attempt=attempt)
    assert isinstance(lost, Unknown), lost
    again = await kicc_merchant.cancel(approved, 5_000)
    assert isinstance(again, Declined), "what we hold to be left no longer fits"
    assert (await kicc_merchant.transaction(approved.pg_tid))["cancelledAmount"] == 5_000
    finding = await kicc_merchant.provider.look_up(
        ACCOUNT, attempt, kind=AttemptKind.CANCEL, pg_order_id=None, amount_krw=5_000
    )
    assert isinstance(finding, Found)
    assert isinstance(finding.outcome, Cancelled)
    assert finding.outcome.remain_krw == 14_900


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
    finding = await kicc_merchant.look_up(attempt, order)
    assert isinstance(finding, Found), "KICC still answers for yesterday"


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
    charging.cancel()  # the process dies here
    with pytest.raises(asyncio.CancelledError):
        await charging
    await kicc_merchant.kicc.release(is_answered=False)

    restarted = KiccProvider(
        sandbox_url=kicc_merchant.kicc.base_url,
        live_url="https://live.invalid",
        clock=kicc_merchant.clock,
        connections_max=1,
    )
    try:
        finding = await restarted.look_up(
            ACCOUNT,
            Attempt(attempt_id=attempt.attempt_id, business_date=attempt.business_date),
            kind=AttemptKind.CHARGE,
            pg_order_id=order.pg_order_id,
            amount_krw=order.amount_krw,
        )
    finally:
        await restarted.close()
    assert isinstance(finding, Found)
    assert finding.state == "held"


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
    requests_before = (await kicc_merchant.kicc.state())["requests"]
    assert isinstance(await kicc_merchant.look_up(attempt, order), Unknown), (
        "an operator must look it up"
    )
    assert (await kicc_merchant.kicc.state())["requests"] == requests_before


async def test_a_lost_key_issue_is_found_only_where_kicc_shows_the_key(
    kicc_merchant: KiccMerchant,
) -> None:
    attempt = kicc_merchant.attempt()
    await kicc_merchant.kicc.scenario("executed_answer_cut", "approval")
    assert isinstance(await kicc_merchant.register(attempt=attempt), Unknown)
    finding = await kicc_merchant.provider.look_up(
        ACCOUNT, attempt, kind=AttemptKind.ISSUE_KEY, pg_order_id=None, amount_krw=None
    )
    if (await kicc_merchant.kicc.settings())["key_in_query"]:
        assert isinstance(finding, Found)
        assert isinstance(finding.outcome, KeyIssued)
        charged = await kicc_merchant.charge(finding.outcome.billing_key, kicc_merchant.order())
        assert isinstance(charged, Approved), "it is a key that works"
    else:
        assert isinstance(finding, Unknown)
        assert finding.pg_tid, "the operator can ask KICC with its number"

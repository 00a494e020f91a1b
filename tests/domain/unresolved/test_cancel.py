"""Cancels never exceed what was paid, here and at the PG (M8), also after a lost answer."""

import asyncio

import pytest

from dasi.cancels import CancelRequest, cancel
from dasi.foundation.errors import Conflict, NotFound, Refused
from dasi.ledger import Payment, Status
from domain.unresolved.conftest import PaymentsFixture


async def test_full_cancel(payments: PaymentsFixture) -> None:
    payment = await payments.charge(19_900)

    cancelled = await payments.cancel(payment, reason="고객 변심", notify_merchant=True)

    assert (cancelled.status, cancelled.cancelled_krw) == (Status.CANCELLED, 19_900)
    (cancellation,) = cancelled.cancels
    assert (cancellation.amount_krw, cancellation.reason) == (19_900, "고객 변심")
    assert cancellation.cancel_tid != payment.pg_tid
    assert await payments.net_at_pg() == 0
    assert await payments.webhooks(payment) == ["payment.paid", "payment.cancelled"]
    with pytest.raises(Conflict, match="already_cancelled"):
        await payments.cancel(payment)


async def test_partial_cancels_until_nothing_is_left(payments: PaymentsFixture) -> None:
    payment = await payments.charge(19_900)

    first = await payments.cancel(payment, 5_000)
    await payments.turn(1)
    second = await payments.cancel(payment)

    assert (first.status, first.remain_krw) == (Status.PARTLY_CANCELLED, 14_900)
    assert (second.status, second.remain_krw) == (Status.CANCELLED, 0)
    assert [cancellation.amount_krw for cancellation in second.cancels] == [5_000, 14_900]
    assert await payments.net_at_pg() == 0


async def test_more_than_remains_and_a_wrong_checksum_touch_nothing(
    payments: PaymentsFixture,
) -> None:
    payment = await payments.charge(10_000)
    await payments.cancel(payment, 4_000)

    with pytest.raises(Conflict, match="cancel_exceeds"):
        await payments.cancel(payment, 6_001)
    with pytest.raises(Conflict, match="checksum_differs"):
        await payments.cancel(payment, 1_000, checksum_krw=10_000)

    assert (await payments.now(payment)).cancelled_krw == 4_000
    assert await payments.net_at_pg() == 6_000


async def test_two_hundred_partial_cancels_at_once_never_exceed(payments: PaymentsFixture) -> None:
    payment = await payments.charge(10_000)

    results = await asyncio.gather(
        *(payments.cancel(payment, 700) for _ in range(200)), return_exceptions=True
    )

    done = [result for result in results if isinstance(result, Payment)]
    refused = [result for result in results if not isinstance(result, Payment)]
    assert done
    assert all(isinstance(result, Conflict) for result in refused), refused[:3]
    now = await payments.now(payment)
    assert now.cancelled_krw == 700 * len(done) <= 10_000
    assert await payments.net_at_pg() == 10_000 - now.cancelled_krw


async def test_two_hundred_charges_of_one_order_are_one_approval(payments: PaymentsFixture) -> None:
    results = await asyncio.gather(
        *(payments.charge(merchant_uid="one-order") for _ in range(200)), return_exceptions=True
    )

    paid = [result for result in results if isinstance(result, Payment)]
    assert len(paid) == 1
    assert all(isinstance(result, Conflict) for result in results if result is not paid[0])
    assert await payments.approvals_at_pg() == 1


@pytest.mark.parametrize("amount_krw", [None, 3_000])
async def test_lost_answer_of_a_cancel_never_refunds_twice(
    payments: PaymentsFixture, amount_krw: int | None
) -> None:
    payment = await payments.charge(10_000)
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "revise")

    with pytest.raises(Conflict, match="cancel_in_doubt"):
        await payments.cancel(payment, amount_krw)
    with pytest.raises(Conflict, match="cancel_in_progress"):
        await payments.cancel(payment, amount_krw)
    await payments.resolve_for(3, step_s=3)

    requested_krw = amount_krw or 10_000
    now = await payments.now(payment)
    assert now.cancelled_krw == requested_krw
    assert await payments.net_at_pg() == 10_000 - requested_krw


async def test_lost_answer_of_a_cancel_is_looked_up_before_the_answer_to_the_caller(
    payments_with_inline_lookup: PaymentsFixture,
) -> None:
    payment = await payments_with_inline_lookup.charge(10_000)
    await payments_with_inline_lookup.kicc_merchant.kicc.scenario(
        "executed_truncated_json", "revise"
    )

    cancelled = await payments_with_inline_lookup.cancel(payment, 1_000)

    assert cancelled.cancelled_krw == 1_000


async def test_cancel_that_never_happened_may_be_repeated(payments: PaymentsFixture) -> None:
    payment = await payments.charge(10_000)
    await payments.kicc_merchant.kicc.scenario("cut_before_processing", "revise")
    with pytest.raises(Conflict, match="cancel_in_doubt"):
        await payments.cancel(payment, 3_000)

    await payments.resolve_for(2_000)
    again = await payments.cancel(payment, 3_000)

    assert again.cancelled_krw == 3_000
    assert await payments.net_at_pg() == 7_000


async def test_pg_refusal_is_passed_on_and_changes_nothing(payments: PaymentsFixture) -> None:
    payment = await payments.charge(10_000)
    await payments.kicc_merchant.kicc.scenario("refused", "revise", code="8373")

    with pytest.raises(Refused) as refused:
        await payments.cancel(payment)

    assert refused.value.reason == "pg_refused_cancel"
    assert refused.value.facts["code"] == "8373"
    assert (await payments.now(payment)).status is Status.PAID
    assert (await payments.cancel(payment)).status is Status.CANCELLED


async def test_nothing_to_cancel(payments: PaymentsFixture) -> None:
    request = CancelRequest(imp_uid="imp_0", merchant_uid=None, amount_krw=None)
    with pytest.raises(NotFound, match="nothing_to_cancel"):
        await cancel(payments.engine, payments.merchant.merchant_id, request)
    await payments.kicc_merchant.kicc.scenario("refused", "batch", code="8521")
    declined = await payments.charge()
    assert declined.status is Status.FAILED
    with pytest.raises(Conflict, match="not_paid"):
        await payments.cancel(declined)

"""Unresolved attempts end (M3 to M7): by lookups, never by repetition."""

import asyncio

import pytest

from dasi.foundation.errors import Conflict, NotFound
from dasi.ledger import Status
from dasi.outcomes import resolve_due, resolve_manually
from dasi.reporting import list_unresolved_any_merchant
from domain.unresolved.conftest import PaymentsFixture

DAY_S = 24 * 3600


async def test_lost_answer_leaves_the_payment_pending_and_sends_no_webhook(
    payments: PaymentsFixture,
) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")

    payment = await payments.charge()

    assert payment.status is Status.PENDING
    assert await payments.webhooks(payment) == []
    assert await payments.events(payment) == ["charge_requested", "outcome_unknown"]


async def test_lost_answer_is_resolved_by_the_first_lookup(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
    payment = await payments.charge()

    await payments.resolve_for(3, step_s=3)

    settled = await payments.now(payment)
    assert (settled.status, settled.amount_krw) == (Status.PAID, 9_900)
    assert await payments.webhooks(payment) == ["payment.paid"]
    assert await payments.approvals_at_pg() == 1


async def test_lost_answer_is_looked_up_before_the_answer_to_the_caller(
    payments_with_inline_lookup: PaymentsFixture,
) -> None:
    await payments_with_inline_lookup.kicc_merchant.kicc.scenario(
        "executed_truncated_json", "batch"
    )

    payment = await payments_with_inline_lookup.charge()

    assert payment.status is Status.PAID


async def test_an_order_in_doubt_is_refused_and_not_sent_again(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
    payment = await payments.charge(merchant_uid="order-x")

    with pytest.raises(Conflict) as refused:
        await payments.charge(merchant_uid="order-x")

    assert refused.value.reason == "order_in_doubt"
    assert refused.value.facts["imp_uid"] == payment.imp_uid
    assert await payments.approvals_at_pg() == 1


async def test_cut_before_processing_fails_only_after_the_processing_time(
    payments: PaymentsFixture,
) -> None:
    await payments.kicc_merchant.kicc.scenario("cut_before_processing", "batch")
    payment = await payments.charge()

    await payments.resolve_for(1_700)
    assert (await payments.now(payment)).status is Status.PENDING
    await payments.resolve_for(200)

    failed = await payments.now(payment)
    assert (failed.status, failed.fail_code) == (Status.FAILED, "NOT_FOUND_AT_PG")
    assert await payments.webhooks(payment) == ["payment.failed"]
    assert await payments.approvals_at_pg() == 0
    again = await payments.charge(merchant_uid=payment.merchant_uid)
    assert again.status is Status.PAID


async def test_approval_that_is_found_late_is_kept(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_late", "batch")
    payment = await payments.charge()

    await payments.resolve_for(600, step_s=30)

    assert (await payments.now(payment)).status is Status.PAID
    assert await payments.approvals_at_pg() == 1


async def test_channel_with_policy_cancel_reverses_a_late_approval(
    payments: PaymentsFixture,
) -> None:
    await payments.engine.database.fetch(payments.with_policy("cancel"))
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
    payment = await payments.charge()

    await payments.resolve_for(900)

    settled = await payments.now(payment)
    assert (settled.status, settled.fail_code) == (Status.FAILED, "REVERSED")
    assert await payments.net_at_pg() == 0
    assert await payments.webhooks(payment) == ["payment.failed"]


async def test_lost_reversal_is_resolved_too(payments: PaymentsFixture) -> None:
    await payments.engine.database.fetch(payments.with_policy("cancel"))
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "revise")
    payment = await payments.charge()

    await payments.resolve_for(4_000)

    assert (await payments.now(payment)).status is Status.FAILED
    assert await payments.net_at_pg() == 0


async def test_wrong_signature_is_unresolved_and_then_kept(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_wrong_signature", "batch")
    payment = await payments.charge()
    assert payment.status is Status.PENDING

    await payments.resolve_for(3, step_s=3)

    assert (await payments.now(payment)).status is Status.PAID


async def test_amount_changed_on_the_wire_only_is_kept_when_the_lookup_agrees(
    payments: PaymentsFixture,
) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_other_amount", "batch")
    payment = await payments.charge()
    assert payment.status is Status.PENDING

    await payments.resolve_for(3, step_s=3)

    assert (await payments.now(payment)).status is Status.PAID


async def test_an_approval_of_another_amount_is_reversed_at_once(
    payments: PaymentsFixture,
) -> None:
    """The PG itself approved another amount (M7)."""
    await payments.kicc_merchant.kicc.scenario("executed_answer_cut", "batch")
    payment = await payments.charge(10_000)
    await payments.engine.database.fetch(
        "UPDATE pg_attempts SET amount_krw = 9900 WHERE kind = 'charge'"
    )

    await payments.resolve_for(6, step_s=3)

    failed = await payments.now(payment)
    assert (failed.status, failed.fail_code) == (Status.FAILED, "REVERSED")
    assert "승인 금액 불일치: 요청 9900원, 승인 10000원" in (failed.fail_reason or "")
    assert await payments.net_at_pg() == 0
    assert await payments.webhooks(payment) == ["payment.failed"]
    assert "reversal_cancelled" in await payments.events(payment)


async def test_attempt_of_a_dead_process_is_resolved(
    payments: PaymentsFixture,
) -> None:
    await payments.kicc_merchant.kicc.hold("batch", when="after")
    dying = asyncio.create_task(payments.charge())
    await payments.kicc_merchant.kicc.wait_held()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    await payments.kicc_merchant.kicc.release()
    (row,) = await payments.engine.database.fetch(
        "SELECT state FROM pg_attempts WHERE kind = 'charge'"
    )
    assert row["state"] == "sending"

    await payments.resolve_for(3, step_s=3)

    (row,) = await payments.engine.database.fetch(
        "SELECT status FROM payments WHERE purpose = 'payment'"
    )
    assert row["status"] == "paid"


async def test_two_workers_resolve_an_attempt_once(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
    payment = await payments.charge()
    await payments.turn(3)

    await asyncio.gather(*(resolve_due(payments.engine) for _ in range(4)))

    assert (await payments.events(payment)).count("approved") == 1
    assert await payments.webhooks(payment) == ["payment.paid"]


async def test_unresolved_attempt_survives_a_korean_midnight(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.settings(withheld_s=1)
    await payments.turn(13.9 * 3600)
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
    payment = await payments.charge()

    await payments.turn(3_600)
    await resolve_due(payments.engine)

    assert (await payments.now(payment)).status is Status.PAID
    assert await payments.approvals_at_pg() == 1


async def test_unresolvable_attempt_is_escalated_before_its_deadline(
    payments: PaymentsFixture,
) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
    payment = await payments.charge()
    await payments.kicc_merchant.kicc.scenario(
        "server_error_before_processing", "query", times=1_000
    )

    await payments.resolve_for(2 * DAY_S, step_s=1_800)

    assert (await payments.now(payment)).status is Status.PENDING
    assert (await payments.events(payment))[-1] == "escalated"
    (row,) = await payments.engine.database.fetch(
        "SELECT escalated_at, deadline_at, next_lookup_at, detail "
        "FROM pg_attempts WHERE kind = 'charge'"
    )
    assert row["escalated_at"] is not None
    assert row["next_lookup_at"] is None
    with pytest.raises(Conflict):
        await payments.charge(merchant_uid=payment.merchant_uid)


async def test_an_operator_resolves_an_escalated_attempt(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch", times=2)
    happened, did_not = await payments.charge(), await payments.charge()
    await payments.kicc_merchant.kicc.scenario("server_error_before_processing", "query", times=0)
    await payments.resolve_for(2 * DAY_S, step_s=3_600)
    unresolved = {
        attempt.imp_uid: attempt for attempt in await list_unresolved_any_merchant(payments.engine)
    }
    assert all(attempt.is_manual for attempt in unresolved.values())

    await resolve_manually(
        payments.engine,
        unresolved[happened.imp_uid].attempt_id,
        pg_tid="26090310154110700102",
        actor="user:kim",
        reason="merchant admin shows it approved",
    )
    await resolve_manually(
        payments.engine,
        unresolved[did_not.imp_uid].attempt_id,
        pg_tid=None,
        actor="user:kim",
        reason="KICC support: no such order",
    )

    assert (await payments.now(happened)).status is Status.PAID
    assert (await payments.now(did_not)).status is Status.FAILED
    assert await list_unresolved_any_merchant(payments.engine) == []
    with pytest.raises(NotFound):
        await resolve_manually(
            payments.engine, "ch-nothing", pg_tid=None, actor="user:kim", reason="slip"
        )

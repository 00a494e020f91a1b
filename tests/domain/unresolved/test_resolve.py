"""Doubts end (M3 to M7): each settled by asking, none by repeating."""

import asyncio

import pytest

from dasi.foundation.errors import Conflict, NotFound
from dasi.ledger import Status
from dasi.payments import resolve_due, resolve_manually
from dasi.reporting import list_unresolved
from domain.unresolved.conftest import Desk

DAY_S = 24 * 3600


async def test_lost_answer_leaves_the_payment_pending_and_sends_no_webhook(desk: Desk) -> None:
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")

    payment = await desk.charge()

    assert payment.status is Status.PENDING
    assert await desk.webhooks(payment) == []
    assert await desk.story(payment) == ["charge_requested", "outcome_unknown"]


async def test_lost_answer_is_adopted_by_the_first_look(desk: Desk) -> None:
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")
    payment = await desk.charge()

    await desk.resolve_for(3, step_s=3)

    settled = await desk.now(payment)
    assert (settled.status, settled.amount_krw) == (Status.PAID, 9_900)
    assert await desk.webhooks(payment) == ["payment.paid"]
    assert await desk.approvals_at_pg() == 1


async def test_lost_answer_is_looked_up_before_the_caller_is_told(patient_desk: Desk) -> None:
    await patient_desk.shop.kicc.scenario("executed_truncated_json", "batch")

    payment = await patient_desk.charge()

    assert payment.status is Status.PAID


async def test_an_order_in_doubt_is_refused_and_not_asked_again(desk: Desk) -> None:
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")
    payment = await desk.charge(merchant_uid="order-x")

    with pytest.raises(Conflict) as refused:
        await desk.charge(merchant_uid="order-x")

    assert refused.value.reason == "order_in_doubt"
    assert refused.value.facts["imp_uid"] == payment.imp_uid
    assert await desk.approvals_at_pg() == 1


async def test_cut_before_processing_fails_only_after_the_settling_time(desk: Desk) -> None:
    await desk.shop.kicc.scenario("cut_before_processing", "batch")
    payment = await desk.charge()

    await desk.resolve_for(1_700)
    assert (await desk.now(payment)).status is Status.PENDING
    await desk.resolve_for(200)

    failed = await desk.now(payment)
    assert (failed.status, failed.fail_code) == (Status.FAILED, "NOT_FOUND_AT_PG")
    assert await desk.webhooks(payment) == ["payment.failed"]
    assert await desk.approvals_at_pg() == 0
    again = await desk.charge(merchant_uid=payment.merchant_uid)
    assert again.status is Status.PAID


async def test_approval_that_turns_up_late_is_adopted(desk: Desk) -> None:
    await desk.shop.kicc.scenario("executed_late", "batch")
    payment = await desk.charge()

    await desk.resolve_for(600, step_s=30)

    assert (await desk.now(payment)).status is Status.PAID
    assert await desk.approvals_at_pg() == 1


async def test_channel_set_to_cancel_undoes_what_turns_up(desk: Desk) -> None:
    await desk.engine.database.fetch(desk.with_policy("cancel"))
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")
    payment = await desk.charge()

    await desk.resolve_for(900)

    settled = await desk.now(payment)
    assert (settled.status, settled.fail_code) == (Status.FAILED, "REVERSED")
    assert await desk.net_at_pg() == 0
    assert await desk.webhooks(payment) == ["payment.failed"]


async def test_lost_reversal_is_settled_too(desk: Desk) -> None:
    await desk.engine.database.fetch(desk.with_policy("cancel"))
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")
    await desk.shop.kicc.scenario("executed_truncated_json", "revise")
    payment = await desk.charge()

    await desk.resolve_for(4_000)

    assert (await desk.now(payment)).status is Status.FAILED
    assert await desk.net_at_pg() == 0


async def test_wrong_signature_is_a_doubt_and_then_adopted(desk: Desk) -> None:
    await desk.shop.kicc.scenario("executed_wrong_signature", "batch")
    payment = await desk.charge()
    assert payment.status is Status.PENDING

    await desk.resolve_for(3, step_s=3)

    assert (await desk.now(payment)).status is Status.PAID


async def test_amount_changed_on_the_wire_only_is_adopted_when_the_books_agree(desk: Desk) -> None:
    await desk.shop.kicc.scenario("executed_other_amount", "batch")
    payment = await desk.charge()
    assert payment.status is Status.PENDING

    await desk.resolve_for(3, step_s=3)

    assert (await desk.now(payment)).status is Status.PAID


async def test_an_approval_of_another_amount_than_asked_is_undone_at_once(desk: Desk) -> None:
    """The PG's own books have it so (M7)."""
    await desk.shop.kicc.scenario("executed_answer_cut", "batch")
    payment = await desk.charge(10_000)
    await desk.engine.database.fetch(
        "UPDATE pg_attempts SET amount_krw = 9900 WHERE kind = 'charge'"
    )

    await desk.resolve_for(6, step_s=3)

    failed = await desk.now(payment)
    assert (failed.status, failed.fail_code) == (Status.FAILED, "REVERSED")
    assert "승인 금액 불일치: 요청 9900원, 승인 10000원" in (failed.fail_reason or "")
    assert await desk.net_at_pg() == 0
    assert await desk.webhooks(payment) == ["payment.failed"]
    assert "reversal_cancelled" in await desk.story(payment)


async def test_process_that_dies_with_the_request_leaves_a_doubt_that_ends(desk: Desk) -> None:
    await desk.shop.kicc.hold("batch", when="after")
    dying = asyncio.create_task(desk.charge())
    await desk.shop.kicc.wait_held()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    await desk.shop.kicc.release()
    (row,) = await desk.engine.database.fetch("SELECT state FROM pg_attempts WHERE kind = 'charge'")
    assert row["state"] == "sending"

    await desk.resolve_for(3, step_s=3)

    (row,) = await desk.engine.database.fetch(
        "SELECT status FROM payments WHERE purpose = 'payment'"
    )
    assert row["status"] == "paid"


async def test_two_workers_settle_a_doubt_once(desk: Desk) -> None:
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")
    payment = await desk.charge()
    await desk.turn(3)

    await asyncio.gather(*(resolve_due(desk.engine) for _ in range(4)))

    assert (await desk.story(payment)).count("approved") == 1
    assert await desk.webhooks(payment) == ["payment.paid"]


async def test_doubt_survives_a_korean_midnight(desk: Desk) -> None:
    await desk.shop.kicc.settings(withheld_s=1)
    await desk.turn(13.9 * 3600)
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")
    payment = await desk.charge()

    await desk.turn(3_600)
    await resolve_due(desk.engine)

    assert (await desk.now(payment)).status is Status.PAID
    assert await desk.approvals_at_pg() == 1


async def test_what_cannot_be_settled_goes_to_a_person_before_the_window_closes(
    desk: Desk,
) -> None:
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")
    payment = await desk.charge()
    await desk.shop.kicc.scenario("server_error_before_processing", "query", times=1_000)

    await desk.resolve_for(2 * DAY_S, step_s=1_800)

    assert (await desk.now(payment)).status is Status.PENDING
    assert (await desk.story(payment))[-1] == "escalated"
    (row,) = await desk.engine.database.fetch(
        "SELECT escalated_at, deadline_at, next_lookup_at, detail "
        "FROM pg_attempts WHERE kind = 'charge'"
    )
    assert row["escalated_at"] is not None
    assert row["next_lookup_at"] is None
    with pytest.raises(Conflict):
        await desk.charge(merchant_uid=payment.merchant_uid)


async def test_a_person_decides_what_the_machine_could_not(desk: Desk) -> None:
    await desk.shop.kicc.scenario("executed_truncated_json", "batch", times=2)
    happened, did_not = await desk.charge(), await desk.charge()
    await desk.shop.kicc.scenario("server_error_before_processing", "query", times=0)
    await desk.resolve_for(2 * DAY_S, step_s=3_600)
    unresolved = {attempt.imp_uid: attempt for attempt in await list_unresolved(desk.engine)}
    assert all(attempt.is_manual for attempt in unresolved.values())

    await resolve_manually(
        desk.engine,
        unresolved[happened.imp_uid].attempt_id,
        pg_tid="26090310154110700102",
        actor="user:kim",
        reason="merchant admin shows it approved",
    )
    await resolve_manually(
        desk.engine,
        unresolved[did_not.imp_uid].attempt_id,
        pg_tid=None,
        actor="user:kim",
        reason="KICC support: no such order",
    )

    assert (await desk.now(happened)).status is Status.PAID
    assert (await desk.now(did_not)).status is Status.FAILED
    assert await list_unresolved(desk.engine) == []
    with pytest.raises(NotFound):
        await resolve_manually(
            desk.engine, "ch-nothing", pg_tid=None, actor="user:kim", reason="slip"
        )

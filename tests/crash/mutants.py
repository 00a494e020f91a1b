"""Plausible bugs, planted from outside for one test. The product does not know them."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from dasi.events import enqueue_event
from dasi.foundation.db import Database
from dasi.foundation.ids import token, ulid
from dasi.ledger import Payment, reserve_store
from dasi.outcomes import approval_store, record, resolve
from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import Attempt, Declined, Order, Unknown
from dasi.recovery import CommitMemory
from dasi.scheduler import run_store

ApplyMutant = Callable[[pytest.MonkeyPatch], None]


def resend_lost_charge(patch: pytest.MonkeyPatch) -> None:
    """Send a charge without an answer again, with new identifiers that the PG accepts."""
    charge = KiccProvider.charge

    async def twice(
        self: KiccProvider, account: Any, attempt: Attempt, *, order: Order, billing_key: str
    ) -> Any:
        outcome = await charge(self, account, attempt, order=order, billing_key=billing_key)
        if isinstance(outcome, Unknown):
            name = f"ch-{ulid(self._clock.now())}"
            attempt = replace(attempt, attempt_id=name)
            order = replace(order, pg_order_id=name)
            outcome = await charge(self, account, attempt, order=order, billing_key=billing_key)
        return outcome

    patch.setattr(KiccProvider, "charge", twice)


class _TakenBack(Exception):
    """Rolls a transaction back."""


def skip_reserve_row(patch: pytest.MonkeyPatch) -> None:
    """Commit the row of the request only after the answer, and draw its name at random.

    Under the name of the order KICC refuses the repetition, so that no money moves twice (M10).
    """
    charging = import_module("dasi.payments.charge")
    reserve, record_charge = reserve_store.reserve_charges, charging.record_charge
    kept: dict[str, reserve_store.Reservation] = {}

    async def uncommitted(database: Any, reservations: Sequence[reserve_store.Reservation]) -> Any:
        got: list[Any] = []
        with contextlib.suppress(_TakenBack):
            async with database.transaction() as connection:
                got = await reserve(connection, reservations)
                raise _TakenBack
        named = [row and replace(row, attempt_id=f"ch-{token()}") for row in got]
        pairs = zip(named, reservations, strict=True)
        kept.update({row.attempt_id: reservation for row, reservation in pairs if row})
        return named

    async def then_record(
        engine: Any, facts: Any, attempt_id: str, outcome: Any, *, actor: str
    ) -> Any:
        reservation = kept.pop(attempt_id)
        (reserved,) = await reserve(engine.database, [reservation])
        if reserved is not None:
            facts, attempt_id = charging._facts(reservation, reserved), reserved.attempt_id
        return await record_charge(engine, facts, attempt_id, outcome, actor=actor)

    patch.setattr(reserve_store, "reserve_charges", uncommitted)
    patch.setattr(charging, "record_charge", then_record)


def mark_lost_answer_failed(patch: pytest.MonkeyPatch) -> None:
    """Record a missing answer as a failure."""
    record_outcome = record.record_outcome

    async def hopeful(
        engine: Any, merchant_id: int, imp_uid: str, attempt_id: str, outcome: Any, **more: Any
    ) -> Any:
        if isinstance(outcome, Unknown):
            outcome = Declined(code="TIMEOUT", text=outcome.why)
        return await record_outcome(engine, merchant_id, imp_uid, attempt_id, outcome, **more)

    patch.setattr(record, "record_outcome", hopeful)


def resend_lost_cancel(patch: pytest.MonkeyPatch) -> None:
    """Repeat a cancel with the amount that would be left, so that the PG accepts it."""
    once = KiccProvider.cancel

    async def twice(self: KiccProvider, account: Any, attempt: Attempt, *, cancel: Any) -> Any:
        outcome = await once(self, account, attempt, cancel=cancel)
        if isinstance(outcome, Unknown) and cancel.remain_krw > cancel.amount_krw:
            again = replace(attempt, attempt_id=f"cn-{ulid(self._clock.now())}")
            left = replace(cancel, remain_krw=cancel.remain_krw - cancel.amount_krw)
            outcome = await once(self, account, again, cancel=left)
        return outcome

    patch.setattr(KiccProvider, "cancel", twice)


def enqueue_after_commit(patch: pytest.MonkeyPatch) -> None:
    """Write the webhook event only after the payment is committed."""
    record_approvals = approval_store.record_approvals
    record_batch, record_outcome = approval_store.record_approvals_batched, record.record_outcome
    recorded: dict[str, Payment] = {}

    async def remember(connection: Any, approvals: Any) -> list[Payment | None]:
        payments = await record_approvals(connection, approvals)
        recorded.update({payment.imp_uid: payment for payment in payments if payment})
        return payments

    async def enqueue(database: Database, imp_uid: str) -> None:
        payment = recorded.pop(imp_uid, None)
        if payment is None:
            return
        async with database.transaction() as connection:
            await enqueue_event(
                connection,
                payment.merchant_id,
                imp_uid=payment.imp_uid,
                merchant_uid=payment.merchant_uid,
                channel_id=payment.channel_id,
                version=payment.version,
                status="paid",
                notice_urls=payment.notice_urls,
                is_of_page=False,
                now=payment.started_at,
            )

    async def batch_then_enqueue(database: Database, approvals: Any) -> list[Payment | None]:
        payments = await record_batch(database, approvals)
        for payment in payments:
            if payment is not None:
                await enqueue(database, payment.imp_uid)
        return payments

    async def outcome_then_enqueue(
        engine: Any, merchant_id: int, imp_uid: str, attempt_id: str, outcome: Any, **more: Any
    ) -> Any:
        payment = await record_outcome(engine, merchant_id, imp_uid, attempt_id, outcome, **more)
        await enqueue(engine.database, imp_uid)
        return payment

    for name in ("_RECORD", "_RECORD_RESOLVED"):
        sql: str = getattr(approval_store, name)
        without_events = sql.replace("), new_events AS", "LIMIT 0), new_events AS")
        patch.setattr(approval_store, name, without_events)
    patch.setattr(approval_store, "record_approvals", remember)
    patch.setattr(approval_store, "record_approvals_batched", batch_then_enqueue)
    patch.setattr(record, "record_outcome", outcome_then_enqueue)
    patch.setattr(resolve, "record_outcome", outcome_then_enqueue)


def forget_first_run(patch: pytest.MonkeyPatch) -> None:
    """Assume that a schedule of a dead worker did not run, and run it again."""

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    patch.setattr(run_store, "payment_of_run", nothing)


def send_without_looking_up(patch: pytest.MonkeyPatch) -> None:
    """Send each charge of a recovery at once, as if the database had forgotten nothing."""

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    patch.setattr(import_module("dasi.payments.charge"), "find_earlier_outcome", nothing)


def trust_each_connection(patch: pytest.MonkeyPatch) -> None:
    """Look for no known commit on a new connection."""

    async def nothing(*_: Any) -> None:
        return None

    patch.setattr(CommitMemory, "check", nothing)

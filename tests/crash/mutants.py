"""Plausible bugs, planted from outside for one test. The product does not know them."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from dasi.foundation.ids import ulid
from dasi.ledger import reserve_store
from dasi.payments import record
from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import Attempt, Declined, Order, Unknown
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
    """Commit the row of the request only after the answer."""
    charging = import_module("dasi.payments.charge")
    reserve, record_charge = reserve_store.reserve_charges, charging.record_charge
    kept: dict[str, reserve_store.Reservation] = {}

    async def uncommitted(database: Any, reservations: Sequence[reserve_store.Reservation]) -> Any:
        got: list[Any] = []
        with contextlib.suppress(_TakenBack):
            async with database.transaction() as connection:
                got = await reserve(connection, reservations)
                raise _TakenBack
        kept.update({reservation.attempt_id: reservation for reservation in reservations})
        return got

    async def then_record(
        engine: Any, reference: Any, attempt_id: str, outcome: Any, *, actor: str
    ) -> Any:
        (reserved,) = await reserve(engine.database, [kept.pop(attempt_id)])
        if reserved is not None:
            reference = replace(reference, imp_uid=reserved.imp_uid)
        return await record_charge(engine, reference, attempt_id, outcome, actor=actor)

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
    enqueue_event, record_outcome = record.enqueue_event, record.record_outcome

    async def remember(_: Any, merchant_id: int, **event: Any) -> str:
        waiting[event["imp_uid"]] = merchant_id, event
        return "later"

    async def then_announce(
        engine: Any, merchant_id: int, imp_uid: str, attempt_id: str, outcome: Any, **more: Any
    ) -> Any:
        payment = await record_outcome(engine, merchant_id, imp_uid, attempt_id, outcome, **more)
        if imp_uid in waiting:
            at, event = waiting.pop(imp_uid)
            async with engine.database.transaction() as connection:
                await enqueue_event(connection, at, **event)
        return payment

    waiting: dict[str, tuple[int, dict[str, Any]]] = {}
    patch.setattr(record, "enqueue_event", remember)
    patch.setattr(record, "record_outcome", then_announce)


def forget_first_run(patch: pytest.MonkeyPatch) -> None:
    """Assume that a schedule of a dead worker did not run, and run it again."""

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    patch.setattr(run_store, "payment_of_run", nothing)

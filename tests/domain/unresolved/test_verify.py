"""`dasi ledger verify` proves chains, statuses and sums and finds what was changed later."""

import asyncpg
import pytest

from dasi.foundation.db import Database
from dasi.ledger_proof import verify_ledger
from domain.unresolved.conftest import PaymentsFixture


async def _complaints(payments: PaymentsFixture) -> list[str]:
    report = await verify_ledger(payments.engine)
    return [discrepancy.text for discrepancy in report.discrepancies]


async def _busy_day(payments: PaymentsFixture) -> None:
    payment = await payments.charge(10_000)
    await payments.cancel(payment, 3_000, reason='"따옴표"\\ 와 \t 탭')
    await payments.kicc_merchant.kicc.scenario(
        "refused", "batch", code="8521", message="한도 초과 😀"
    )
    await payments.charge()
    await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
    await payments.charge()


async def test_a_busy_day_is_proven(payments: PaymentsFixture) -> None:
    await _busy_day(payments)

    report = await verify_ledger(payments.engine)

    assert report.discrepancies == []
    assert (report.payments, report.paid_krw, report.cancelled_krw) == (3, 10_000, 3_000)


async def test_events_cannot_be_changed_or_deleted(
    payments: PaymentsFixture, owner: Database
) -> None:
    await payments.charge()
    for statement in ("UPDATE payment_events SET detail = 'x'", "DELETE FROM payment_events"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await payments.engine.database.fetch(statement)
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await owner.fetch(statement)


@pytest.mark.parametrize(
    ("meddling", "complaint"),
    [
        ("UPDATE payment_events SET detail = 'nothing' WHERE seq = 2", "was changed after"),
        ("DELETE FROM payment_events WHERE seq = 1", "event 1 is missing"),
        ("UPDATE payments SET status = 'cancelled' WHERE status = 'failed'", "last event says"),
        ("UPDATE payments SET cancelled_krw = 2999 WHERE cancelled_krw = 3000", "recorded as"),
        ("UPDATE pg_attempts SET state = 'declined' WHERE state = 'unknown'", "no attempt is open"),
        ("UPDATE pg_attempts SET amount_krw = 1 WHERE kind = 'charge'", "1 won were approved"),
    ],
)
async def test_tampering_is_detected(
    payments: PaymentsFixture, owner: Database, meddling: str, complaint: str
) -> None:
    await _busy_day(payments)
    await owner.fetch("ALTER TABLE payment_events DISABLE TRIGGER USER")
    if "status = 'cancelled'" in meddling:
        meddling = meddling.replace("SET", "SET paid_at = now(),")

    await owner.fetch(meddling)

    assert any(complaint in text for text in await _complaints(payments)), await _complaints(
        payments
    )

"""`dasi ledger verify` proves chains, statuses and sums and finds what was changed later."""

import pytest

from dasi.reporting import VerificationReport, verify_ledger
from domain.unresolved.conftest import Desk


async def _complaints(desk: Desk) -> list[str]:
    return [one.what async for one in verify_ledger(desk.engine, VerificationReport())]


async def _busy_day(desk: Desk) -> None:
    payment = await desk.charge(10_000)
    await desk.cancel(payment, 3_000, reason='"따옴표"\\ 와 \t 탭')
    await desk.shop.kicc.scenario("refused", "batch", code="8521", message="한도 초과 😀")
    await desk.charge()
    await desk.shop.kicc.scenario("executed_truncated_json", "batch")
    await desk.charge()


async def test_a_busy_day_is_proven(desk: Desk) -> None:
    await _busy_day(desk)
    report = VerificationReport()

    found = [one async for one in verify_ledger(desk.engine, report)]

    assert found == []
    assert (report.payments, report.paid_krw, report.cancelled_krw) == (3, 10_000, 3_000)


async def test_events_cannot_be_changed_or_deleted(desk: Desk) -> None:
    await desk.charge()
    for statement in ("UPDATE payment_events SET detail = 'x'", "DELETE FROM payment_events"):
        with pytest.raises(Exception, match="append-only"):
            await desk.engine.database.fetch(statement)


@pytest.mark.parametrize(
    ("meddling", "complaint"),
    [
        ("UPDATE payment_events SET detail = 'nothing' WHERE seq = 2", "was changed after"),
        ("DELETE FROM payment_events WHERE seq = 1", "event 1 is missing"),
        ("UPDATE payments SET status = 'cancelled' WHERE status = 'failed'", "last event says"),
        ("UPDATE payments SET cancelled_krw = 2999 WHERE cancelled_krw = 3000", "recorded as"),
        ("UPDATE pg_attempts SET state = 'declined' WHERE state = 'unknown'", "nothing is open"),
        ("UPDATE pg_attempts SET amount_krw = 1 WHERE kind = 'charge'", "1 won were approved"),
    ],
)
async def test_meddling_is_found(desk: Desk, meddling: str, complaint: str) -> None:
    await _busy_day(desk)
    await desk.engine.database.fetch("ALTER TABLE payment_events DISABLE TRIGGER USER")
    if "status = 'cancelled'" in meddling:
        meddling = meddling.replace("SET", "SET paid_at = now(),")

    await desk.engine.database.fetch(meddling)

    assert any(complaint in one for one in await _complaints(desk)), await _complaints(desk)

"""SQL of pauses, retries, previews and start delays."""

from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingRetry:
    merchant_id: int
    schedule_id: str
    schedule_at: datetime
    retries: int
    retry_days: tuple[int, ...]
    has_failed: bool
    reason: str | None
    """Of the decline, a slug of `dasi.providers.decline_reasons` where the PG said one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotal:
    """Charges of one merchant on one day."""

    merchant: str
    count: int
    amount_krw: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDelay:
    """How long after their time charges started, of those that started lately."""

    count: int
    p50_s: float
    p99_s: float
    max_s: float


async def insert_pause_any_merchant(
    database: Database, merchant_id: int, *, reason: str, now: datetime
) -> None:
    await database.fetch(
        """INSERT INTO schedule_pauses (merchant_id, paused_at, reason) VALUES ($1, $2, $3)
           ON CONFLICT (merchant_id) DO UPDATE SET reason = $3""",
        merchant_id,
        now,
        reason,
    )


async def delete_pause_any_merchant(database: Database, merchant_id: int) -> bool:
    row = await database.fetchrow(
        "DELETE FROM schedule_pauses WHERE merchant_id = $1 RETURNING merchant_id", merchant_id
    )
    return row is not None


async def pauses_any_merchant(database: Database) -> dict[int, tuple[datetime, str]]:
    rows = await database.fetch("SELECT merchant_id, paused_at, reason FROM schedule_pauses")
    return {row["merchant_id"]: (row["paused_at"], row["reason"]) for row in rows}


async def claim_awaiting_retry_any_merchant(
    connection: Connection, *, batch: int
) -> list[AwaitingRetry]:
    """Locked until the transaction ends. Doubts that are not settled are left where they are."""
    rows = await connection.fetch(
        """SELECT s.merchant_id, s.schedule_id, s.schedule_at, s.retries, m.retry_days,
                  p.status = 'failed' AS has_failed,
                  (SELECT e.detail FROM payment_events e
                   WHERE e.merchant_id = p.merchant_id AND e.imp_uid = p.imp_uid
                     AND e.type = 'declined' ORDER BY e.seq DESC LIMIT 1) AS reason
           FROM schedules s
           JOIN payments p ON p.merchant_id = s.merchant_id AND p.imp_uid = s.imp_uid
           JOIN merchants m ON m.merchant_id = s.merchant_id
           WHERE s.awaits_retry AND p.status NOT IN ('ready', 'pending')
           ORDER BY s.executed_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED""",
        batch,
    )
    return [AwaitingRetry(**{**row, "retry_days": tuple(row["retry_days"])}) for row in rows]


async def end_awaiting_retry(connection: Connection, merchant_id: int, schedule_id: str) -> None:
    await connection.execute(
        "UPDATE schedules SET awaits_retry = false WHERE merchant_id = $1 AND schedule_id = $2",
        merchant_id,
        schedule_id,
    )


async def totals_between_any_merchant(
    database: Database, *, since: datetime, until: datetime, merchant_code: str | None
) -> list[DayTotal]:
    rows = await database.fetch(
        """SELECT m.code AS merchant, count(*) AS count, sum(s.amount_krw)::bigint AS amount_krw,
                  min(s.schedule_at) AS first_at, max(s.schedule_at) AS last_at
           FROM schedules s JOIN merchants m ON m.merchant_id = s.merchant_id
           WHERE s.status IN ('scheduled', 'running') AND s.schedule_at >= $1 AND s.schedule_at < $2
             AND ($3::text IS NULL OR m.code = $3)
           GROUP BY m.code ORDER BY m.code""",
        since,
        until,
        merchant_code,
    )
    return [DayTotal(**row) for row in rows]


async def start_delay_any_merchant(database: Database, *, since: datetime) -> StartDelay:
    row = await database.fetchrow(
        """SELECT count(*) AS count,
                  coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY late_s), 0) AS p50_s,
                  coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY late_s), 0) AS p99_s,
                  coalesce(max(late_s), 0)::float AS max_s
           FROM (SELECT extract(epoch FROM started_at - due_at)::float AS late_s FROM schedules
                 WHERE started_at >= $1) AS started""",
        since,
    )
    assert row is not None
    return StartDelay(**row)


async def due_now_any_merchant(database: Database, *, now: datetime) -> tuple[int, float]:
    """How many wait although their time has come, and for how long the first of them."""
    row = await database.fetchrow(
        """SELECT count(*) AS count,
                  coalesce(extract(epoch FROM $1 - min(due_at)), 0)::float AS oldest_s
           FROM schedules WHERE status = 'scheduled' AND due_at <= $1""",
        now,
    )
    assert row is not None
    return int(row["count"]), float(row["oldest_s"])

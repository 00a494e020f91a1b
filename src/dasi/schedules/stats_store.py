"""SQL of schedule statistics: totals of a day, start delays, and what is due."""

from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotal:
    """Scheduled charges of one merchant on one day."""

    merchant: str
    count: int
    amount_krw: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDelay:
    """How long after their due time charges started."""

    count: int
    p50_s: float
    p99_s: float
    max_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TestWork:
    """The test keys of a merchant and the scheduled payments that wait for them."""

    keys: int
    schedules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Scheduled payments that wait, and those of them whose time has come."""

    merchants: int
    count: int
    amount_krw: int
    first_at: datetime | None
    due: int
    due_krw: int


async def waiting_any_merchant(
    database: Database, *, merchant_id: int | None, customer_uid: str | None, now: datetime
) -> Waiting:
    """Count waiting schedules of a merchant and a customer; None stands for every one."""
    row = await database.fetchrow(
        """SELECT count(DISTINCT merchant_id)::int AS merchants, count(*)::int AS count,
                  coalesce(sum(amount_krw), 0)::bigint AS amount_krw,
                  min(schedule_at) AS first_at,
                  count(*) FILTER (WHERE due_at <= $3)::int AS due,
                  coalesce(sum(amount_krw) FILTER (WHERE due_at <= $3), 0)::bigint AS due_krw
           FROM schedules
           WHERE status = 'scheduled' AND ($1::bigint IS NULL OR merchant_id = $1)
             AND ($2::text IS NULL OR customer_uid = $2)""",
        merchant_id,
        customer_uid,
        now,
    )
    assert row is not None, "a row of counts"
    return Waiting(**row)


async def test_work(database: Database, merchant_id: int) -> TestWork:
    """Active test keys, and test schedules that wait or run."""
    row = await database.fetchrow(
        """WITH test AS (SELECT channel_id FROM channels WHERE merchant_id = $1 AND is_sandbox)
           SELECT (SELECT count(*) FROM billing_keys k JOIN test USING (channel_id)
                   WHERE k.merchant_id = $1 AND k.status = 'active')::int AS keys,
                  (SELECT count(*) FROM schedules s JOIN test USING (channel_id)
                   WHERE s.merchant_id = $1 AND s.status IN ('scheduled', 'running'))::int
                  AS schedules""",
        merchant_id,
    )
    assert row is not None, "a row of counts"
    return TestWork(**row)


async def totals_between_any_merchant(
    database: Database, *, since: datetime, until: datetime, merchant_code: str | None
) -> list[DayTotal]:
    """Totals of waiting and running schedules with `since <= schedule_at < until`.

    Test schedules of live merchants are left out (M12).
    """
    rows = await database.fetch(
        """SELECT m.code AS merchant, count(*) AS count, sum(s.amount_krw)::bigint AS amount_krw,
                  min(s.schedule_at) AS first_at, max(s.schedule_at) AS last_at
           FROM schedules s
           JOIN merchants m ON m.merchant_id = s.merchant_id
           JOIN channels c ON c.merchant_id = s.merchant_id AND c.channel_id = s.channel_id
           WHERE s.status IN ('scheduled', 'running') AND s.schedule_at >= $1 AND s.schedule_at < $2
             AND ($3::text IS NULL OR m.code = $3)
             AND NOT (c.is_sandbox AND m.live_since IS NOT NULL)
           GROUP BY m.code ORDER BY m.code""",
        since,
        until,
        merchant_code,
    )
    return [DayTotal(**row) for row in rows]


async def start_delay_any_merchant(database: Database, *, since: datetime) -> StartDelay:
    """Start delays of the charges that started since then."""
    row = await database.fetchrow(
        """SELECT count(*) AS count,
                  coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY late_s), 0) AS p50_s,
                  coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY late_s), 0) AS p99_s,
                  coalesce(max(late_s), 0)::float AS max_s
           FROM (SELECT extract(epoch FROM started_at - due_at)::float AS late_s FROM schedules
                 WHERE started_at >= $1) AS started""",
        since,
    )
    assert row is not None, "an aggregate always has a row"
    return StartDelay(**row)


async def due_now_any_merchant(database: Database, *, now: datetime) -> tuple[int, float]:
    """The number of schedules that are due and wait, and the seconds the first has waited."""
    row = await database.fetchrow(
        """SELECT count(*) AS count,
                  coalesce(extract(epoch FROM $1 - min(due_at)), 0)::float AS oldest_s
           FROM schedules WHERE status = 'scheduled' AND due_at <= $1""",
        now,
    )
    assert row is not None, "an aggregate always has a row"
    return int(row["count"]), float(row["oldest_s"])

"""SQL of how many payments a list has: kept by the hour for what lies behind, counted for the rest.

A statement sees one moment of the database, so the kept part and the counted part always fit
together: the total is exact.
"""

from datetime import UTC, datetime, timedelta

from dasi.foundation.db import Database
from dasi.payments.payment import Status
from dasi.payments.payment_filter import Moment, PaymentFilter

# Which payments a kept count of a moment is about.
COUNTED: dict[Moment, frozenset[Status]] = {
    "started": frozenset(Status),
    "paid": frozenset({Status.PAID}),
    "failed": frozenset({Status.FAILED}),
    "cancelled": frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
}
_HOUR = timedelta(hours=1)

# Counted: payments whose moment has come to lie 20 s back. Whoever writes a moment that is more
# than 10 s old notes it as a change (a trigger), and the rest is younger than that at its writing;
# so nothing can slip into what is counted here unless a transaction takes ten seconds from its
# write to its commit, and while one that has written lasts that long, nothing is counted.
# A day at most in one go: the first time, years may have to be counted.
_COUNT = """
    WITH step AS (
        SELECT c.until AS since, least(now() - interval '20 seconds', CASE
            WHEN c.until > '-infinity' THEN c.until + interval '1 day'
            ELSE coalesce((
                SELECT min(first.started_at) FROM merchants m CROSS JOIN LATERAL (
                    SELECT p.started_at FROM payments p WHERE p.merchant_id = m.merchant_id
                    ORDER BY p.started_at LIMIT 1) AS first), 'infinity') END) AS until
        FROM payments_counted c
        WHERE NOT EXISTS (
            SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND backend_xid IS NOT NULL
              AND xact_start < now() - interval '9 seconds')
    ), moved AS (
        UPDATE payments_counted c SET until = step.until FROM step
        WHERE c.until = step.since AND c.until < step.until
        RETURNING step.since, step.until
    ), counted AS (
        SELECT m.merchant_id, one.moment, one.hour, one.payments
        FROM moved CROSS JOIN merchants m CROSS JOIN LATERAL (
            SELECT 'started' AS moment, date_trunc('hour', p.started_at, 'UTC') AS hour,
                   count(*) AS payments
            FROM payments p
            WHERE p.merchant_id = m.merchant_id
              AND p.started_at >= moved.since AND p.started_at < moved.until GROUP BY 2
            UNION ALL
            SELECT 'paid', date_trunc('hour', p.paid_at, 'UTC'), count(*) FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status = 'paid'
              AND p.paid_at >= moved.since AND p.paid_at < moved.until GROUP BY 2
            UNION ALL
            SELECT 'failed', date_trunc('hour', p.failed_at, 'UTC'), count(*) FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status = 'failed'
              AND p.failed_at >= moved.since AND p.failed_at < moved.until GROUP BY 2
            UNION ALL
            SELECT 'cancelled', date_trunc('hour', p.cancelled_at, 'UTC'), count(*) FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status IN ('partly_cancelled', 'cancelled')
              AND p.cancelled_at >= moved.since AND p.cancelled_at < moved.until GROUP BY 2
        ) AS one
    ), noted AS (
        DELETE FROM payment_count_changes n USING moved WHERE n.at < moved.until
        RETURNING n.merchant_id, n.moment, n.at, n.change, n.at < moved.since AS is_past
    ), news AS (
        SELECT merchant_id, moment, hour, payments FROM counted
        UNION ALL
        SELECT merchant_id, moment, date_trunc('hour', at, 'UTC'), change FROM noted WHERE is_past
    ), kept AS (
        INSERT INTO payment_counts AS c (merchant_id, moment, hour, payments)
        SELECT merchant_id, moment, hour, sum(payments) FROM news
        GROUP BY merchant_id, moment, hour ORDER BY merchant_id, moment, hour
        ON CONFLICT (merchant_id, moment, hour)
        DO UPDATE SET payments = c.payments + excluded.payments
    )
    SELECT moved.until < now() - interval '1 hour' AS is_behind FROM moved"""


async def count_step_any_merchant(database: Database) -> bool:
    """Counts what has come to lie behind, a day at most. Whether there is more of it."""
    row = await database.fetchrow(_COUNT)
    return row is not None and bool(row["is_behind"])


def is_kept(wanted: PaymentFilter) -> bool:
    """Whether the total of such a list is added up from what is kept."""
    return (
        wanted.since is not None
        and wanted.until is not None
        and COUNTED.get(wanted.clock) == wanted.statuses
        and wanted.merchant_uid is None
        and wanted.customer_uid is None
    )


async def total(
    database: Database, merchant_id: int, wanted: PaymentFilter, of_status: str
) -> int:
    """How many payments a list has that `is_kept`; `of_status` is SQL of its statuses."""
    assert wanted.since is not None and wanted.until is not None
    clock = f"p.{wanted.clock}_at"
    counted = f"SELECT count(*) FROM payments p WHERE p.merchant_id = $1 AND {of_status}"
    # From a whole hour to where counting has come, or to a whole hour before it: kept. The two
    # ends are counted. `OFFSET 0` keeps the values from the planner: one plan is good for all of
    # them, making one takes ten times as long as adding up, and of what it knows of the range it
    # would conclude that the ends are large.
    row = await database.fetchrow(
        f"""SELECT
            coalesce((
                SELECT sum(c.payments) FROM payment_counts c
                WHERE c.merchant_id = $1 AND c.moment = '{wanted.clock}'
                  AND c.hour >= kept.since AND c.hour < kept.until), 0)::bigint
            + coalesce((
                SELECT sum(n.change) FROM payment_count_changes n
                WHERE n.merchant_id = $1 AND n.moment = '{wanted.clock}'
                  AND n.at >= kept.since AND n.at < kept.until), 0)
            + ({counted} AND {clock} >= kept.first AND {clock} <= kept.last
                         AND {clock} < kept.since)
            + ({counted} AND {clock} >= kept.until AND {clock} <= kept.last) AS total
            FROM (SELECT $2::timestamptz AS first, $3::timestamptz AS last,
                         $4::timestamptz AS since,
                         greatest($4, CASE WHEN until <= $3 THEN until ELSE $5 END) AS until
                  FROM payments_counted OFFSET 0) AS kept""",
        merchant_id,
        wanted.since,
        wanted.until,
        _hour_from(wanted.since),
        _hour_of(wanted.until),
    )
    assert row is not None
    return int(row["total"])


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hour_from(moment: datetime) -> datetime:
    """The first whole hour that does not begin before."""
    hour = _hour_of(moment)
    return hour if hour == moment else hour + _HOUR

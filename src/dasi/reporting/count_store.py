"""SQL of how many payments a list has: kept for spans that lie behind, counted for the rest.

A statement sees one moment of the database, so the kept part and the counted part always fit
together: the total is exact.
"""

from datetime import UTC, datetime, timedelta

from dasi.foundation.db import Database
from dasi.ledger import Status
from dasi.reporting.payment_filter import Moment, PaymentFilter

# Which payments a kept count of a moment is about.
COUNTED: dict[Moment, frozenset[Status]] = {
    "started": frozenset(Status),
    "paid": frozenset({Status.PAID}),
    "failed": frozenset({Status.FAILED}),
    "cancelled": frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
}
# What is kept, it is kept for both: a range is whole days, and at its ends whole short spans.
_SHORT = timedelta(minutes=10)
_DAY = timedelta(days=1)
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
"""Where spans begin to be laid out, here and in `_COUNT`."""

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
        SELECT m.merchant_id, one.moment, one.since, one.payments
        FROM moved CROSS JOIN merchants m CROSS JOIN LATERAL (
            SELECT 'started' AS moment,
                   date_bin('10 minutes', p.started_at, '2000-01-01Z') AS since,
                   count(*) AS payments
            FROM payments p
            WHERE p.merchant_id = m.merchant_id
              AND p.started_at >= moved.since AND p.started_at < moved.until GROUP BY 2
            UNION ALL
            SELECT 'paid', date_bin('10 minutes', p.paid_at, '2000-01-01Z'), count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status = 'paid'
              AND p.paid_at >= moved.since AND p.paid_at < moved.until GROUP BY 2
            UNION ALL
            SELECT 'failed', date_bin('10 minutes', p.failed_at, '2000-01-01Z'), count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status = 'failed'
              AND p.failed_at >= moved.since AND p.failed_at < moved.until GROUP BY 2
            UNION ALL
            SELECT 'cancelled', date_bin('10 minutes', p.cancelled_at, '2000-01-01Z'), count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status IN ('partly_cancelled', 'cancelled')
              AND p.cancelled_at >= moved.since AND p.cancelled_at < moved.until GROUP BY 2
        ) AS one
    ), noted AS (
        DELETE FROM payment_count_changes n USING moved WHERE n.at < moved.until
        RETURNING n.merchant_id, n.moment, n.at, n.change, n.at < moved.since AS is_past
    ), news AS (
        SELECT merchant_id, moment, since, payments FROM counted
        UNION ALL
        SELECT merchant_id, moment, at, change FROM noted WHERE is_past
    ), kept AS (
        INSERT INTO payment_counts AS c (merchant_id, moment, span, since, payments)
        SELECT merchant_id, moment, span, date_bin(span, since, '2000-01-01Z'), sum(payments)
        FROM news CROSS JOIN (VALUES (interval '10 minutes'), (interval '1 day')) AS spans (span)
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (merchant_id, moment, span, since)
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


async def total(database: Database, merchant_id: int, wanted: PaymentFilter, of_status: str) -> int:
    """How many payments a list has that `is_kept`; `of_status` is SQL of its statuses."""
    assert wanted.since is not None
    assert wanted.until is not None
    clock = f"p.{wanted.clock}_at"
    counted = f"SELECT count(*) FROM payments p WHERE p.merchant_id = $1 AND {of_status}"
    kept = f"""SELECT coalesce(sum(c.payments), 0)::bigint FROM payment_counts c
               WHERE c.merchant_id = $1 AND c.moment = '{wanted.clock}'"""
    # What is kept, to where counting has come or to the last whole short span of the range: short
    # spans, whole days, short spans. What lies before and after is counted. `OFFSET 0` keeps the
    # values from the planner: one plan is good for all of them, making one takes longer than adding
    # up, and of what it knows of the range it would conclude that the ends are large.
    row = await database.fetchrow(
        f"""SELECT
              ({kept} AND c.span = '10 minutes' AND c.since >= r.since AND c.since < r.day)
            + ({kept} AND c.span = '1 day' AND c.since >= r.day AND c.since < r.last_day)
            + ({kept} AND c.span = '10 minutes' AND c.since >= r.last_day AND c.since < r.until)
            + (SELECT coalesce(sum(n.change), 0) FROM payment_count_changes n
               WHERE n.merchant_id = $1 AND n.moment = '{wanted.clock}'
                 AND n.at >= r.since AND n.at < r.until)
            + ({counted} AND {clock} >= r.first AND {clock} <= r.last AND {clock} < r.since)
            + ({counted} AND {clock} >= r.until AND {clock} <= r.last) AS total
            FROM (SELECT first, last, since, until, least(day, until) AS day,
                         greatest(least(day, until), last_day) AS last_day
                  FROM (SELECT $2::timestamptz AS first, $3::timestamptz AS last,
                               $4::timestamptz AS since, $5::timestamptz AS day,
                               greatest($4, CASE WHEN until <= $3 THEN until ELSE $6 END) AS until,
                               CASE WHEN until <= $3 THEN until ELSE $7 END AS last_day
                        FROM payments_counted) AS whole OFFSET 0) AS r""",
        merchant_id,
        wanted.since,
        wanted.until,
        _next(wanted.since, _SHORT),
        _next(wanted.since, _DAY),
        _begin(wanted.until, _SHORT),
        _begin(wanted.until, _DAY),
    )
    assert row is not None
    return int(row["total"])


def _begin(moment: datetime, span: timedelta) -> datetime:
    """Of the span that `moment` lies in."""
    return moment - (moment - _ORIGIN) % span


def _next(moment: datetime, span: timedelta) -> datetime:
    """The first span that does not begin before."""
    return _begin(moment - timedelta.resolution, span) + span

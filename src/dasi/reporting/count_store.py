"""SQL of how many payments a list has: kept for spans that lie behind, counted for the rest.

A statement sees one moment of the database, so the kept part and the counted part always fit
together: the total is exact.
"""

from datetime import UTC, datetime, timedelta

from dasi.foundation.db import Database
from dasi.ledger import Status
from dasi.reporting.payment_filter import PaymentFilter, TimestampField

# Which payments a kept count of a moment is about.
COUNTED: dict[TimestampField, frozenset[Status]] = {
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
    WITH range AS (
        SELECT c.counted_until AS since, least(now() - interval '20 seconds', CASE
            WHEN c.counted_until > '-infinity' THEN c.counted_until + interval '1 day'
            ELSE coalesce((
                SELECT min(first.started_at) FROM merchants m CROSS JOIN LATERAL (
                    SELECT p.started_at FROM payments p WHERE p.merchant_id = m.merchant_id
                    ORDER BY p.started_at LIMIT 1) AS first), 'infinity') END) AS until
        FROM payment_counts_watermark c
        WHERE NOT EXISTS (
            SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND backend_xid IS NOT NULL
              AND xact_start < now() - interval '9 seconds')
    ), watermark AS (
        UPDATE payment_counts_watermark c SET counted_until = range.until FROM range
        WHERE c.counted_until = range.since AND c.counted_until < range.until
        RETURNING range.since, range.until
    ), counts AS (
        SELECT m.merchant_id, one.field, one.bucket_start, one.payments
        FROM watermark CROSS JOIN merchants m CROSS JOIN LATERAL (
            SELECT 'started' AS field,
                   date_bin('10 minutes', p.started_at, '2000-01-01Z') AS bucket_start,
                   count(*) AS payments
            FROM payments p
            WHERE p.merchant_id = m.merchant_id
              AND p.started_at >= watermark.since AND p.started_at < watermark.until GROUP BY 2
            UNION ALL
            SELECT 'paid', date_bin('10 minutes', p.paid_at, '2000-01-01Z'), count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status = 'paid'
              AND p.paid_at >= watermark.since AND p.paid_at < watermark.until GROUP BY 2
            UNION ALL
            SELECT 'failed', date_bin('10 minutes', p.failed_at, '2000-01-01Z'), count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status = 'failed'
              AND p.failed_at >= watermark.since AND p.failed_at < watermark.until GROUP BY 2
            UNION ALL
            SELECT 'cancelled', date_bin('10 minutes', p.cancelled_at, '2000-01-01Z'), count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status IN ('partly_cancelled', 'cancelled')
              AND p.cancelled_at >= watermark.since AND p.cancelled_at < watermark.until GROUP BY 2
        ) AS one
    ), deltas AS (
        DELETE FROM payment_count_deltas n USING watermark WHERE n.at < watermark.until
        RETURNING n.merchant_id, n.field, n.at, n.delta, n.at < watermark.since AS is_past
    ), merged AS (
        SELECT merchant_id, field, bucket_start, payments FROM counts
        UNION ALL
        SELECT merchant_id, field, at, delta FROM deltas WHERE is_past
    ), upserted AS (
        INSERT INTO payment_counts AS c (merchant_id, field, bucket, bucket_start, payments)
        SELECT merchant_id, field, bucket, date_bin(bucket, bucket_start, '2000-01-01Z'),
               sum(payments)
        FROM merged
        CROSS JOIN (VALUES (interval '10 minutes'), (interval '1 day')) AS buckets (bucket)
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (merchant_id, field, bucket, bucket_start)
        DO UPDATE SET payments = c.payments + excluded.payments
    )
    SELECT watermark.until < now() - interval '1 hour' AS is_behind FROM watermark"""


async def count_step_any_merchant(database: Database) -> bool:
    """Counts what has come to lie behind, a day at most. Whether there is more of it."""
    row = await database.fetchrow(_COUNT)
    return row is not None and bool(row["is_behind"])


def is_kept(filters: PaymentFilter) -> bool:
    """Whether the total of such a list is added up from what is kept."""
    return (
        filters.since is not None
        and filters.until is not None
        and COUNTED.get(filters.by) == filters.statuses
        and filters.merchant_uid is None
        and filters.customer_uid is None
    )


async def total(
    database: Database, merchant_id: int, filters: PaymentFilter, of_status: str
) -> int:
    """How many payments a list has that `is_kept`; `of_status` is SQL of its statuses."""
    assert filters.since is not None
    assert filters.until is not None
    clock = f"p.{filters.by}_at"
    counted = f"SELECT count(*) FROM payments p WHERE p.merchant_id = $1 AND {of_status}"
    kept = f"""SELECT coalesce(sum(c.payments), 0)::bigint FROM payment_counts c
               WHERE c.merchant_id = $1 AND c.field = '{filters.by}'"""
    # What is kept, to where counting has come or to the last whole short span of the range: short
    # spans, whole days, short spans. What lies before and after is counted. `OFFSET 0` keeps the
    # values from the planner: one plan is good for all of them, making one takes longer than adding
    # up, and of what it knows of the range it would conclude that the ends are large.
    row = await database.fetchrow(
        f"""SELECT
              ({kept} AND c.bucket = '10 minutes'
               AND c.bucket_start >= r.since AND c.bucket_start < r.day)
            + ({kept} AND c.bucket = '1 day'
               AND c.bucket_start >= r.day AND c.bucket_start < r.last_day)
            + ({kept} AND c.bucket = '10 minutes'
               AND c.bucket_start >= r.last_day AND c.bucket_start < r.until)
            + (SELECT coalesce(sum(n.delta), 0) FROM payment_count_deltas n
               WHERE n.merchant_id = $1 AND n.field = '{filters.by}'
                 AND n.at >= r.since AND n.at < r.until)
            + ({counted} AND {clock} >= r.first AND {clock} <= r.last AND {clock} < r.since)
            + ({counted} AND {clock} >= r.until AND {clock} <= r.last) AS total
            FROM (SELECT first, last, since, until, least(day, until) AS day,
                         greatest(least(day, until), last_day) AS last_day
                  FROM (SELECT $2::timestamptz AS first, $3::timestamptz AS last,
                               $4::timestamptz AS since, $5::timestamptz AS day,
                               greatest($4,
                                        CASE WHEN counted_until <= $3
                                             THEN counted_until ELSE $6 END) AS until,
                               CASE WHEN counted_until <= $3
                                    THEN counted_until ELSE $7 END AS last_day
                        FROM payment_counts_watermark) AS whole OFFSET 0) AS r""",
        merchant_id,
        filters.since,
        filters.until,
        _next(filters.since, _SHORT),
        _next(filters.since, _DAY),
        _begin(filters.until, _SHORT),
        _begin(filters.until, _DAY),
    )
    assert row is not None
    return int(row["total"])


def _begin(moment: datetime, span: timedelta) -> datetime:
    """Of the span that `moment` lies in."""
    return moment - (moment - _ORIGIN) % span


def _next(moment: datetime, span: timedelta) -> datetime:
    """The first span that does not begin before."""
    return _begin(moment - timedelta.resolution, span) + span

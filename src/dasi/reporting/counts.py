"""Count payments: keep the counts of past spans, so that a list's total costs the same with ten
million payments as with ten.

A total is the sum of kept counts and of counted rows. One statement reads both, so it sees one
snapshot of the database and the total is exact.
"""

from datetime import UTC, datetime, timedelta

from dasi.engine import Engine
from dasi.foundation.db import Database
from dasi.ledger import Status
from dasi.reporting.payment_filter import PaymentFilter, TimestampField

COUNTED: dict[TimestampField, frozenset[Status]] = {
    "started": frozenset(Status),
    "paid": frozenset({Status.PAID}),
    "failed": frozenset({Status.FAILED}),
    "cancelled": frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
}
"""The payments that the kept counts of a timestamp include."""
# Counts are kept per bucket of both widths: a range consists of whole days and, at its two ends, of
# whole short buckets.
_SHORT = timedelta(minutes=10)
_DAY = timedelta(days=1)
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
"""The start of the first bucket, here and in `_COUNT`."""

# Counts the payments with timestamps that are at least 20 s old. A trigger records each change of a
# timestamp that is more than 10 s old as a delta; every other timestamp is younger than that when
# it is written. So no row can appear in the counted range, unless a transaction takes 10 s from its
# write to its commit; while such a transaction runs, nothing is counted. One step counts one day
# at most: the first run may have to count years.
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
        SELECT m.merchant_id, c.is_sandbox, bucket.field, bucket.bucket_start,
               sum(bucket.payments) AS payments
        FROM watermark CROSS JOIN merchants m CROSS JOIN LATERAL (
            SELECT p.channel_id, 'started' AS field,
                   date_bin('10 minutes', p.started_at, '2000-01-01Z') AS bucket_start,
                   count(*) AS payments
            FROM payments p
            WHERE p.merchant_id = m.merchant_id
              AND p.started_at >= watermark.since AND p.started_at < watermark.until
            GROUP BY 1, 3
            UNION ALL
            SELECT p.channel_id, 'paid', date_bin('10 minutes', p.paid_at, '2000-01-01Z'), count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status = 'paid'
              AND p.paid_at >= watermark.since AND p.paid_at < watermark.until GROUP BY 1, 3
            UNION ALL
            SELECT p.channel_id, 'failed', date_bin('10 minutes', p.failed_at, '2000-01-01Z'),
                   count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status = 'failed'
              AND p.failed_at >= watermark.since AND p.failed_at < watermark.until GROUP BY 1, 3
            UNION ALL
            SELECT p.channel_id, 'cancelled', date_bin('10 minutes', p.cancelled_at, '2000-01-01Z'),
                   count(*)
            FROM payments p
            WHERE p.merchant_id = m.merchant_id AND p.status IN ('partly_cancelled', 'cancelled')
              AND p.cancelled_at >= watermark.since AND p.cancelled_at < watermark.until
            GROUP BY 1, 3
        ) AS bucket
        JOIN channels c ON c.merchant_id = m.merchant_id AND c.channel_id = bucket.channel_id
        GROUP BY 1, 2, 3, 4
    ), deltas AS (
        DELETE FROM payment_count_deltas n USING watermark WHERE n.at < watermark.until
        RETURNING n.merchant_id, n.is_sandbox, n.field, n.at, n.delta,
                  n.at < watermark.since AS is_past
    ), merged AS (
        SELECT merchant_id, is_sandbox, field, bucket_start, payments FROM counts
        UNION ALL
        SELECT merchant_id, is_sandbox, field, at, delta FROM deltas WHERE is_past
    ), upserted AS (
        INSERT INTO payment_counts AS c
            (merchant_id, field, bucket, bucket_start, is_sandbox, payments)
        SELECT merchant_id, field, bucket, date_bin(bucket, bucket_start, '2000-01-01Z'),
               is_sandbox, sum(payments)
        FROM merged
        CROSS JOIN (VALUES (interval '10 minutes'), (interval '1 day')) AS buckets (bucket)
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (merchant_id, field, bucket, bucket_start, is_sandbox)
        DO UPDATE SET payments = c.payments + excluded.payments
    )
    SELECT watermark.until < now() - interval '1 hour' AS is_behind FROM watermark"""


async def count_payments(engine: Engine) -> int:
    """Count the payments of the next step, one day at most. 1 if more steps are due, else 0."""
    return int(await _count_step_any_merchant(engine.database))


async def _count_step_any_merchant(database: Database) -> bool:
    row = await database.fetchrow(_COUNT)
    return row is not None and bool(row["is_behind"])


def has_kept_counts(filters: PaymentFilter) -> bool:
    """Whether kept counts can give the total of such a list."""
    return (
        filters.since is not None
        and filters.until is not None
        and COUNTED.get(filters.by) == filters.statuses
        and filters.merchant_uid is None
        and filters.customer_uid is None
    )


async def total(
    database: Database, merchant_id: int, filters: PaymentFilter, condition: str
) -> int:
    """How many payments a list has that `has_kept_counts`.

    `condition` is the SQL of the filter without its range of time.
    """
    assert filters.since is not None
    assert filters.until is not None
    timestamp = f"p.{filters.by}_at"
    counted = f"SELECT count(*) FROM payments p WHERE p.merchant_id = $1 AND {condition}"
    mode = "" if filters.include_sandbox else "AND NOT {}.is_sandbox"
    kept = f"""SELECT coalesce(sum(c.payments), 0)::bigint FROM payment_counts c
               WHERE c.merchant_id = $1 AND c.field = '{filters.by}' {mode.format("c")}"""
    # Kept counts reach up to the watermark or to the last whole short bucket of the range: short
    # buckets, whole days, short buckets. The rows before and after them are counted. `OFFSET 0`
    # hides the values from the planner. One plan then serves all values, and planning would take
    # longer than adding up; from the values the planner would also conclude that both ends are
    # large.
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
                 AND n.at >= r.since AND n.at < r.until {mode.format("n")})
            + ({counted} AND {timestamp} >= r.first AND {timestamp} <= r.last
               AND {timestamp} < r.since)
            + ({counted} AND {timestamp} >= r.until AND {timestamp} <= r.last) AS total
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


def _begin(moment: datetime, width: timedelta) -> datetime:
    """The start of the bucket that `moment` lies in."""
    return moment - (moment - _ORIGIN) % width


def _next(moment: datetime, width: timedelta) -> datetime:
    """The start of the first bucket that does not begin before `moment`."""
    return _begin(moment - timedelta.resolution, width) + width

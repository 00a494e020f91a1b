"""SQL of the payments' room: counts and sums of a day."""

from datetime import datetime

from dasi.foundation.db import Database, Row

_DECLINES_MAX = 8


async def hours(
    database: Database, merchant_id: int, *, since: datetime, until: datetime
) -> list[Row]:
    return await database.fetch(
        """SELECT extract(hour FROM started_at AT TIME ZONE 'Asia/Seoul')::int AS hour,
                  count(*) FILTER (WHERE status <> 'failed')::int AS paid,
                  count(*) FILTER (WHERE status = 'failed')::int AS failed,
                  coalesce(sum(amount_krw) FILTER (WHERE status <> 'failed'), 0)::bigint
                  AS paid_krw,
                  sum(cancelled_krw)::bigint AS cancelled_krw
           FROM payments
           WHERE merchant_id = $1 AND started_at >= $2 AND started_at < $3
             AND purpose = 'payment'
             AND (status IN ('paid', 'partly_cancelled', 'cancelled')
                  OR (status = 'failed'
                      AND fail_code NOT IN ('PAYER_CLOSED', 'WINDOW_EXPIRED', 'PG_UNREACHABLE')))
           GROUP BY 1 ORDER BY 1""",
        merchant_id,
        since,
        until,
    )


async def declines(
    database: Database, merchant_id: int, *, since: datetime, until: datetime
) -> list[Row]:
    return await database.fetch(
        """SELECT fail_code AS code, min(fail_reason) AS text, count(*)::int AS count
           FROM payments
           WHERE merchant_id = $1 AND started_at >= $2 AND started_at < $3 AND status = 'failed'
             AND fail_code NOT IN ('PAYER_CLOSED', 'WINDOW_EXPIRED')
           GROUP BY fail_code ORDER BY 3 DESC, 1 LIMIT $4""",
        merchant_id,
        since,
        until,
        _DECLINES_MAX,
    )


async def doubts(database: Database, merchant_id: int) -> tuple[int, int]:
    """(those the machine asks about, those with a person)."""
    row = await database.fetchrow(
        """SELECT count(*) FILTER (WHERE handed_over_at IS NULL)::int AS machine,
                  count(*) FILTER (WHERE handed_over_at IS NOT NULL)::int AS person
           FROM attempts
           WHERE merchant_id = $1 AND state IN ('sending', 'unknown') AND kind <> 'remove_key'""",
        merchant_id,
    )
    assert row is not None, "an aggregate always has a row"
    return row["machine"], row["person"]

"""SQL of the payments' room: counts and sums of a day."""

from collections.abc import Sequence
from datetime import datetime

from dasi.foundation.db import Database, Row


async def hours(
    database: Database, merchant_id: int, *, begins: Sequence[datetime], until: datetime
) -> list[Row]:
    """Each hour's ends, by code where it failed: a day is read once. `begins` are in order."""
    return await database.fetch(
        """SELECT width_bucket(started_at, $2::timestamptz[]) - 1 AS hour,
                  CASE WHEN status = 'failed' THEN fail_code END AS code,
                  min(fail_reason) AS text, count(*)::int AS payments,
                  sum(amount_krw)::bigint AS amount_krw, sum(cancelled_krw)::bigint AS cancelled_krw
           FROM payments
           WHERE merchant_id = $1 AND started_at >= $3 AND started_at < $4
             AND purpose = 'payment'
             AND status IN ('paid', 'partly_cancelled', 'cancelled', 'failed')
           GROUP BY 1, 2 ORDER BY 1, 2""",
        merchant_id,
        list(begins),
        begins[0],
        until,
    )


async def count_unresolved(database: Database, merchant_id: int) -> tuple[int, int]:
    """(those the machine asks about, those with a person)."""
    row = await database.fetchrow(
        """SELECT count(*) FILTER (WHERE escalated_at IS NULL)::int AS automatic,
                  count(*) FILTER (WHERE escalated_at IS NOT NULL)::int AS manual
           FROM pg_attempts
           WHERE merchant_id = $1 AND state IN ('sending', 'unknown') AND kind <> 'delete_key'""",
        merchant_id,
    )
    assert row is not None, "an aggregate always has a row"
    return row["automatic"], row["manual"]

"""SQL that empties the messages to and from a PG of old payments, payment by payment."""

from datetime import datetime

from dasi.foundation.db import Connection
from dasi.privacy.erase_store import Progress


async def empty_next_messages(
    connection: Connection, merchant_id: int, *, before: datetime, after: Progress, limit: int
) -> Progress | None:
    """Empty the messages of the next payments, oldest first; the last one's place, or None.

    The attempts stay, with number, code and text of the PG. An open attempt keeps its messages, and
    so does one that was sent later, such as a cancel.
    """
    row = await connection.fetchrow(
        """WITH next AS (
               SELECT imp_uid, started_at FROM payments
               WHERE merchant_id = $1 AND started_at < $2 AND started_at >= $3
                 AND (started_at, imp_uid) > ($3, $4)
               ORDER BY started_at, imp_uid LIMIT $5
           ), emptied AS (
               UPDATE pg_attempts a SET exchanges = '{}' FROM next
               WHERE a.merchant_id = $1 AND a.imp_uid = next.imp_uid AND a.exchanges <> '{}'
                 AND a.sent_at < $2 AND a.state NOT IN ('sending', 'unknown')
           )
           SELECT started_at, imp_uid FROM next ORDER BY started_at DESC, imp_uid DESC LIMIT 1""",
        merchant_id,
        before,
        after.at,
        after.last_id,
        limit,
    )
    return None if row is None else Progress(row["started_at"], row["imp_uid"])

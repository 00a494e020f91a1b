"""SQL of the webhooks' room: deliveries counted."""

from datetime import datetime

from dasi.foundation.db import Database


async def counts(database: Database, merchant_id: int, *, since: datetime) -> dict[str, int]:
    """By state."""
    rows = await database.fetch(
        """SELECT state, count(*)::int AS deliveries FROM deliveries
           WHERE merchant_id = $1 AND created_at >= $2 GROUP BY state""",
        merchant_id,
        since,
    )
    return {row["state"]: row["deliveries"] for row in rows}

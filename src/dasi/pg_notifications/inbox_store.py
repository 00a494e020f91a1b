"""SQL of the inbox of PG notifications. A notification's merchant is known only from its order."""

from datetime import datetime

from dasi.foundation.db import Database


async def insert_any_merchant(
    database: Database,
    *,
    provider: str,
    notification_id: str,
    sealed_body: bytes,
    source: str,
    now: datetime,
) -> None:
    """Insert a notification. A repetition is counted and the first body stays."""
    await database.fetch(
        """INSERT INTO pg_notifications (provider, notification_id, sealed_body, source, first_at,
                                         last_at)
           VALUES ($1, $2, $3, $4, $5, $5)
           ON CONFLICT (provider, notification_id)
           DO UPDATE SET times = pg_notifications.times + 1, last_at = excluded.last_at""",
        provider,
        notification_id,
        sealed_body,
        source,
        now,
    )


async def prune_unknown_any_merchant(database: Database, *, provider: str, limit: int) -> None:
    """Delete notifications of unknown orders but the newest `limit`."""
    await database.fetch(
        """DELETE FROM pg_notifications
           WHERE provider = $1 AND outcome = 'unknown_order' AND last_at < (
               SELECT last_at FROM pg_notifications
               WHERE provider = $1 AND outcome = 'unknown_order'
               ORDER BY last_at DESC OFFSET $2 LIMIT 1)""",
        provider,
        limit,
    )


async def finish_any_merchant(
    database: Database, *, provider: str, notification_id: str, outcome: str
) -> None:
    await database.fetch(
        "UPDATE pg_notifications SET outcome = $3 WHERE provider = $1 AND notification_id = $2",
        provider,
        notification_id,
        outcome,
    )

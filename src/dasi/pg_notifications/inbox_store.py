"""SQL of the inbox of PG notifications. A notification's merchant is known only from its order."""

from datetime import datetime

from dasi.foundation.db import Connection, Database


async def insert_any_merchant(
    database: Database,
    *,
    provider: str,
    notification_id: str,
    pg_order_id: str | None,
    sealed_body: bytes,
    source: str,
    now: datetime,
    per_order_max: int,
) -> bool:
    """Insert a notification. A repetition is counted and the first body stays.

    False: `per_order_max` other notifications of its order are stored already.
    """
    row = await database.fetchrow(
        """INSERT INTO pg_notifications (provider, notification_id, pg_order_id, sealed_body,
                                         source, first_at, last_at)
           SELECT $1, $2, $3, $4, $5, $6, $6
           WHERE (SELECT count(*) FROM pg_notifications
                  WHERE provider = $1 AND pg_order_id = $3 AND notification_id <> $2) < $7
           ON CONFLICT (provider, notification_id)
           DO UPDATE SET times = pg_notifications.times + 1, last_at = excluded.last_at
           RETURNING times""",
        provider,
        notification_id,
        pg_order_id,
        sealed_body,
        source,
        now,
        per_order_max,
    )
    return row is not None


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


async def delete_old_any_merchant(connection: Connection, *, before: datetime, batch: int) -> int:
    """Delete notifications that first came before a time; return how many."""
    rows = await connection.fetch(
        """WITH due AS MATERIALIZED (
               SELECT provider, notification_id FROM pg_notifications
               WHERE first_at < $1 AND last_at < $1
               ORDER BY first_at LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           DELETE FROM pg_notifications
           WHERE (provider, notification_id) IN (SELECT provider, notification_id FROM due)
           RETURNING 1""",
        before,
        batch,
    )
    return len(rows)


async def delete_unknown_any_merchant(
    connection: Connection, *, before: datetime, batch: int
) -> int:
    """Delete notifications of unknown orders that last came before a time; return how many."""
    rows = await connection.fetch(
        """WITH due AS MATERIALIZED (
               SELECT provider, notification_id FROM pg_notifications
               WHERE outcome = 'unknown_order' AND last_at < $1
               ORDER BY last_at LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           DELETE FROM pg_notifications
           WHERE (provider, notification_id) IN (SELECT provider, notification_id FROM due)
           RETURNING 1""",
        before,
        batch,
    )
    return len(rows)


async def left_to_operator_any_merchant(
    database: Database, *, limit: int
) -> list[tuple[str, datetime]]:
    """Order number and time of notifications whose approval was not adopted and is not known."""
    rows = await database.fetch(
        """SELECT n.pg_order_id, max(n.last_at) AS last_at FROM pg_notifications n
           WHERE n.outcome = 'left_to_operator'
             AND NOT EXISTS (SELECT FROM pg_attempts a WHERE a.pg_order_id = n.pg_order_id)
           GROUP BY n.pg_order_id ORDER BY last_at LIMIT $1""",
        limit,
    )
    return [(row["pg_order_id"], row["last_at"]) for row in rows]


async def finish_any_merchant(
    database: Database, *, provider: str, notification_id: str, outcome: str
) -> None:
    await database.fetch(
        "UPDATE pg_notifications SET outcome = $3 WHERE provider = $1 AND notification_id = $2",
        provider,
        notification_id,
        outcome,
    )

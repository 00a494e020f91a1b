"""SQL of the feed."""

import json
from datetime import datetime

from dasi.foundation.db import Connection, Database
from dasi.webhooks.event import Event

_NUMBERED_AT_ONCE = 5_000


async def has_unnumbered(database: Database, merchant_id: int) -> bool:
    row = await database.fetchrow(
        """SELECT 1 FROM webhook_events
           WHERE merchant_id = $1 AND sequence IS NULL LIMIT 1""",
        merchant_id,
    )
    return row is not None


async def number_events(connection: Connection, merchant_id: int) -> None:
    """Numbers what was committed so far. The merchant's row makes readers take turns; the lock is
    one that writers of payments do not meet."""
    await connection.execute(
        "SELECT 1 FROM merchants WHERE merchant_id = $1 FOR NO KEY UPDATE", merchant_id
    )
    await connection.execute(
        """UPDATE webhook_events e SET sequence = numbered.sequence
           FROM (
               SELECT event_id, nextval('webhook_event_sequence') AS sequence
               FROM (SELECT event_id FROM webhook_events
                     WHERE merchant_id = $1 AND sequence IS NULL
                     ORDER BY position LIMIT $2) AS waiting
           ) AS numbered
           WHERE e.merchant_id = $1 AND e.event_id = numbered.event_id""",
        merchant_id,
        _NUMBERED_AT_ONCE,
    )


async def events_after(database: Database, merchant_id: int, after: int, limit: int) -> list[Event]:
    rows = await database.fetch(
        """SELECT sequence, event_id, kind, resource_id, version, body, at FROM webhook_events
           WHERE merchant_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3""",
        merchant_id,
        after,
        limit,
    )
    return [Event(**{**row, "body": json.loads(row["body"])}) for row in rows]


async def count_after(database: Database, merchant_id: int, after: int) -> int:
    row = await database.fetchrow(
        """SELECT count(*) AS count FROM webhook_events
           WHERE merchant_id = $1 AND sequence > $2""",
        merchant_id,
        after,
    )
    assert row is not None
    return int(row["count"])


async def max_sequence(database: Database, merchant_id: int) -> int:
    row = await database.fetchrow(
        """SELECT coalesce(max(sequence), 0) AS last FROM webhook_events
           WHERE merchant_id = $1 AND sequence IS NOT NULL""",
        merchant_id,
    )
    assert row is not None
    return int(row["last"])


async def get_offset(database: Database, merchant_id: int, consumer: str) -> int | None:
    row = await database.fetchrow(
        "SELECT sequence FROM feed_consumers WHERE merchant_id = $1 AND consumer = $2",
        merchant_id,
        consumer,
    )
    return None if row is None else int(row["sequence"])


async def save_offset(
    database: Database, merchant_id: int, consumer: str, sequence: int, *, now: datetime
) -> None:
    await database.fetch(
        """INSERT INTO feed_consumers (merchant_id, consumer, sequence, seen_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (merchant_id, consumer) DO UPDATE SET sequence = $3, seen_at = $4""",
        merchant_id,
        consumer,
        sequence,
        now,
    )

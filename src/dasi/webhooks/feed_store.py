"""SQL of the feed."""

import json
from datetime import datetime

from dasi.foundation.db import Connection, Database
from dasi.webhooks.event import Event

_NUMBERED_AT_ONCE = 5_000


async def has_unnumbered(database: Database, merchant_id: int) -> bool:
    row = await database.fetchrow(
        """SELECT 1 FROM webhook_events
           WHERE merchant_id = $1 AND feed_no IS NULL LIMIT 1""",
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
        """UPDATE webhook_events e SET feed_no = numbered.feed_no
           FROM (
               SELECT event_id, nextval('webhook_feed_numbers') AS feed_no
               FROM (SELECT event_id FROM webhook_events
                     WHERE merchant_id = $1 AND feed_no IS NULL
                     ORDER BY position LIMIT $2) AS waiting
           ) AS numbered
           WHERE e.merchant_id = $1 AND e.event_id = numbered.event_id""",
        merchant_id,
        _NUMBERED_AT_ONCE,
    )


async def events_after(database: Database, merchant_id: int, after: int, limit: int) -> list[Event]:
    rows = await database.fetch(
        """SELECT feed_no, event_id, kind, imp_uid AS about, version, body, at FROM webhook_events
           WHERE merchant_id = $1 AND feed_no > $2 ORDER BY feed_no LIMIT $3""",
        merchant_id,
        after,
        limit,
    )
    return [Event(**{**row, "body": json.loads(row["body"])}) for row in rows]


async def count_after(database: Database, merchant_id: int, after: int) -> int:
    row = await database.fetchrow(
        """SELECT count(*) AS count FROM webhook_events
           WHERE merchant_id = $1 AND feed_no > $2""",
        merchant_id,
        after,
    )
    assert row is not None
    return int(row["count"])


async def last_no(database: Database, merchant_id: int) -> int:
    row = await database.fetchrow(
        """SELECT coalesce(max(feed_no), 0) AS last FROM webhook_events
           WHERE merchant_id = $1 AND feed_no IS NOT NULL""",
        merchant_id,
    )
    assert row is not None
    return int(row["last"])


async def reader_no(database: Database, merchant_id: int, reader: str) -> int | None:
    row = await database.fetchrow(
        "SELECT feed_no FROM feed_readers WHERE merchant_id = $1 AND reader = $2",
        merchant_id,
        reader,
    )
    return None if row is None else int(row["feed_no"])


async def save_reader(
    database: Database, merchant_id: int, reader: str, feed_no: int, *, now: datetime
) -> None:
    await database.fetch(
        """INSERT INTO feed_readers (merchant_id, reader, feed_no, seen_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (merchant_id, reader) DO UPDATE SET feed_no = $3, seen_at = $4""",
        merchant_id,
        reader,
        feed_no,
        now,
    )

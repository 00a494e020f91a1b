"""The feed: a merchant's events in order, read by cursor (W4).

A cursor is an event's `sequence`. Events get their sequence after their commit, from the readers,
and one reader of a merchant at a time assigns them. So an event never appears before a cursor that
a consumer has passed, however long the event's own transaction took.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Refused

LIMIT_MAX = 1_000
_SEQUENCED_AT_ONCE = 5_000
_IS_INCLUDED = """($3 OR e.channel_id IS NULL OR e.channel_id = ANY (ARRAY(
    SELECT c.channel_id FROM channels c WHERE c.merchant_id = $1 AND NOT c.is_sandbox)))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change of a payment, a billing key or a schedule."""

    sequence: int
    """Its place in the merchant's feed."""
    event_id: str
    kind: str
    resource_id: str
    """The changed resource: `imp_uid` of a payment, or the id of a key or a schedule."""
    version: int
    """Grows with every event of the same resource."""
    body: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events after a cursor, and the cursor of the next page."""

    events: tuple[Event, ...]
    next_cursor: int
    """The cursor of the next page."""
    remaining: int
    """How many events follow this page."""


async def read_feed(
    engine: Engine, merchant_id: int, *, after: int, limit: int, include_sandbox: bool
) -> FeedPage:
    """Return the events after the cursor `after` (0: from the first that is kept), oldest first.

    Raises `Refused("cursor_expired")` if events after the cursor were deleted because of their age.
    """
    assert 1 <= limit <= LIMIT_MAX, "checked by the caller"
    if after:
        await _refuse_expired(engine, merchant_id, after)
    await _assign_sequences(engine, merchant_id)
    rows = await engine.database.fetch(
        f"""SELECT sequence, event_id, kind, resource_id, version, body, at FROM webhook_events e
            WHERE merchant_id = $1 AND sequence > $2 AND {_IS_INCLUDED}
            ORDER BY sequence LIMIT $4""",
        merchant_id,
        after,
        include_sandbox,
        limit,
    )
    events = tuple(Event(**{**row, "body": json.loads(row["body"])}) for row in rows)
    next_cursor = events[-1].sequence if events else after
    remaining = 0
    if len(events) == limit:
        remaining = await _count_after(
            engine, merchant_id, next_cursor, include_sandbox=include_sandbox
        )
    return FeedPage(events, next_cursor, remaining)


async def tail_cursor(engine: Engine, merchant_id: int) -> int:
    """Return the cursor of the newest event."""
    await _assign_sequences(engine, merchant_id)
    row = await engine.database.fetchrow(
        """SELECT coalesce(max(sequence), 0) AS last FROM webhook_events
           WHERE merchant_id = $1 AND sequence IS NOT NULL""",
        merchant_id,
    )
    assert row is not None
    return int(row["last"])


async def get_offset(engine: Engine, merchant_id: int, consumer: str) -> int | None:
    """Return the cursor that a named consumer committed; None for a new consumer."""
    row = await engine.database.fetchrow(
        "SELECT sequence FROM feed_consumers WHERE merchant_id = $1 AND consumer = $2",
        merchant_id,
        consumer,
    )
    return None if row is None else int(row["sequence"])


async def commit_offset(engine: Engine, merchant_id: int, consumer: str, sequence: int) -> None:
    """Record that a named consumer has every event up to `sequence`."""
    await engine.database.fetch(
        """INSERT INTO feed_consumers (merchant_id, consumer, sequence, seen_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (merchant_id, consumer) DO UPDATE SET sequence = $3, seen_at = $4""",
        merchant_id,
        consumer,
        sequence,
        engine.clock.now(),
    )


async def _refuse_expired(engine: Engine, merchant_id: int, cursor: int) -> None:
    row = await engine.database.fetchrow(
        """SELECT events_deleted_until FROM merchants
           WHERE merchant_id = $1 AND events_deleted_until > $2""",
        merchant_id,
        cursor,
    )
    if row is not None:
        raise Refused("cursor_expired", cursor=cursor, oldest=row["events_deleted_until"])


async def _assign_sequences(engine: Engine, merchant_id: int) -> None:
    while await _has_unsequenced(engine, merchant_id):
        async with engine.database.transaction() as connection:
            await _assign_batch(connection, merchant_id)


async def _has_unsequenced(engine: Engine, merchant_id: int) -> bool:
    row = await engine.database.fetchrow(
        """SELECT 1 FROM webhook_events
           WHERE merchant_id = $1 AND sequence IS NULL LIMIT 1""",
        merchant_id,
    )
    return row is not None


async def _assign_batch(connection: Connection, merchant_id: int) -> None:
    """Give committed events their sequence, in the order in which they were written.

    Without MATERIALIZED, a nested loop may number the events again for each row of the other side.
    The order would be that of the rows in the table.
    The lock on the merchant's row makes readers take turns; writers of payments do not meet it.
    """
    await connection.execute(
        "SELECT 1 FROM merchants WHERE merchant_id = $1 FOR NO KEY UPDATE", merchant_id
    )
    await connection.execute(
        """WITH numbered AS MATERIALIZED (
               SELECT event_id, nextval('webhook_event_sequence') AS sequence
               FROM (SELECT event_id FROM webhook_events
                     WHERE merchant_id = $1 AND sequence IS NULL
                     ORDER BY position LIMIT $2) AS waiting
           )
           UPDATE webhook_events e SET sequence = numbered.sequence
           FROM numbered
           WHERE e.merchant_id = $1 AND e.event_id = numbered.event_id""",
        merchant_id,
        _SEQUENCED_AT_ONCE,
    )


async def _count_after(
    engine: Engine, merchant_id: int, cursor: int, *, include_sandbox: bool
) -> int:
    row = await engine.database.fetchrow(
        f"""SELECT count(*) AS count FROM webhook_events e
            WHERE merchant_id = $1 AND sequence > $2 AND {_IS_INCLUDED}""",
        merchant_id,
        cursor,
        include_sandbox,
    )
    assert row is not None
    return int(row["count"])

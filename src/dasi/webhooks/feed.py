"""The feed: the same events, pulled by cursor (W4).

A cursor is a feed number. Numbers are given after the events were committed, by whoever reads, one
consumer of a merchant at a time: so an event never appears behind one that was read already,
however long the transaction that wrote it took.
"""

from dasi.engine import Engine
from dasi.webhooks import feed_store
from dasi.webhooks.event import FeedPage

LIMIT_MAX = 1_000


async def read_feed(engine: Engine, merchant_id: int, *, after: int, limit: int) -> FeedPage:
    """Events after the cursor `after` (0: from the first), oldest first, and how many are left."""
    assert 1 <= limit <= LIMIT_MAX, "checked by whoever asks"
    await _number(engine, merchant_id)
    events = await feed_store.events_after(engine.database, merchant_id, after, limit)
    next_cursor = events[-1].sequence if events else after
    remaining = 0
    if len(events) == limit:
        remaining = await feed_store.count_after(engine.database, merchant_id, next_cursor)
    return FeedPage(tuple(events), next_cursor, remaining)


async def tail_cursor(engine: Engine, merchant_id: int) -> int:
    """The cursor behind everything there is."""
    await _number(engine, merchant_id)
    return await feed_store.max_sequence(engine.database, merchant_id)


async def get_offset(engine: Engine, merchant_id: int, consumer: str) -> int | None:
    """Where a named consumer stopped; None if it is new."""
    return await feed_store.get_offset(engine.database, merchant_id, consumer)


async def commit_offset(engine: Engine, merchant_id: int, consumer: str, sequence: int) -> None:
    """Remembers that a named consumer has everything up to `sequence`."""
    now = engine.clock.now()
    await feed_store.save_offset(engine.database, merchant_id, consumer, sequence, now=now)


async def _number(engine: Engine, merchant_id: int) -> None:
    while await feed_store.has_unnumbered(engine.database, merchant_id):
        async with engine.database.transaction() as connection:
            await feed_store.number_events(connection, merchant_id)

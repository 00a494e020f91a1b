"""The feed: the same events, pulled by cursor (W4).

A cursor is a feed number. Numbers are given after the events were committed, by whoever reads, one
reader of a merchant at a time: so an event never appears behind one that was read already, however
long the transaction that wrote it took.
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
    last_no = events[-1].feed_no if events else after
    left = 0
    if len(events) == limit:
        left = await feed_store.count_after(engine.database, merchant_id, last_no)
    return FeedPage(tuple(events), last_no, left)


async def feed_end(engine: Engine, merchant_id: int) -> int:
    """The cursor behind everything there is."""
    await _number(engine, merchant_id)
    return await feed_store.last_no(engine.database, merchant_id)


async def reader_position(engine: Engine, merchant_id: int, reader: str) -> int | None:
    """Where a named reader stopped; None if it is new."""
    return await feed_store.reader_no(engine.database, merchant_id, reader)


async def move_reader(engine: Engine, merchant_id: int, reader: str, feed_no: int) -> None:
    """Remembers that a named reader has everything up to `feed_no`."""
    now = engine.clock.now()
    await feed_store.save_reader(engine.database, merchant_id, reader, feed_no, now=now)


async def _number(engine: Engine, merchant_id: int) -> None:
    while await feed_store.has_unnumbered(engine.database, merchant_id):
        async with engine.database.transaction() as connection:
            await feed_store.number_events(connection, merchant_id)

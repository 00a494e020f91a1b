"""Delete events of long ago, with their deliveries and attempts."""

from datetime import timedelta

from dasi.engine import Engine
from dasi.events import old_event_store


async def delete_old_events(
    engine: Engine, merchant_id: int, *, older_than: timedelta, batch: int
) -> int:
    """Delete a batch of a merchant's old events; return how many. `Unavailable` if it is busy."""
    async with engine.database.housekeeping() as connection:
        return await old_event_store.delete_old_events(
            connection, merchant_id, before=engine.clock.now() - older_than, batch=batch
        )

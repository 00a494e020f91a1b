"""Put a channel in its place: the default, disabled, or in use again.

A disabled channel opens no more windows. What was made under it goes on: its keys are charged, its
payments are cancelled and looked up. That is why a channel is never deleted.
"""

from dasi.channels import channel_store
from dasi.channels.channel import Channel
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, NotFound


async def make_default(engine: Engine, merchant_id: int, channel_id: int) -> Channel:
    """It takes the place of the old default.

    `NotFound("unknown_channel")`, `Conflict("channel_disabled")`.
    """
    async with engine.database.transaction() as connection:
        await channel_store.lock_channels(connection, merchant_id)
        channel = await _channel(connection, merchant_id, channel_id)
        if channel.disabled_at is not None:
            raise Conflict("channel_disabled", pg=channel.pg)
        await channel_store.clear_default(connection, merchant_id)
        await channel_store.set_state(
            connection, merchant_id, channel_id, is_default=True, disabled_at=None
        )
    return channel


async def disable_channel(engine: Engine, merchant_id: int, channel_id: int) -> Channel:
    """No more windows. The default can go only as the last one, when nothing else could be meant.

    `NotFound("unknown_channel")`, `Conflict("channel_is_default")`, `Conflict("channel_disabled")`.
    """
    async with engine.database.transaction() as connection:
        in_use = await channel_store.lock_channels(connection, merchant_id)
        channel = await _channel(connection, merchant_id, channel_id)
        if channel.disabled_at is not None:
            raise Conflict("channel_disabled", pg=channel.pg)
        if channel.is_default and in_use > 1:
            raise Conflict("channel_is_default", pg=channel.pg)
        await channel_store.set_state(
            connection,
            merchant_id,
            channel_id,
            is_default=False,
            disabled_at=engine.clock.now(),
        )
    return channel


async def enable_channel(engine: Engine, merchant_id: int, channel_id: int) -> Channel:
    """In use again; the default if nothing else is in use.

    `NotFound("unknown_channel")`, `Conflict("channel_in_use")`.
    """
    async with engine.database.transaction() as connection:
        in_use = await channel_store.lock_channels(connection, merchant_id)
        channel = await _channel(connection, merchant_id, channel_id)
        if channel.disabled_at is None:
            raise Conflict("channel_in_use", pg=channel.pg)
        await channel_store.set_state(
            connection, merchant_id, channel_id, is_default=in_use == 0, disabled_at=None
        )
    return channel


async def _channel(connection: Connection, merchant_id: int, channel_id: int) -> Channel:
    channel = await channel_store.channel_for_update(connection, merchant_id, channel_id)
    if channel is None:
        raise NotFound("unknown_channel", channel_id=channel_id)
    return channel

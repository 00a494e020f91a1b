"""Change a channel's state: the default, disabled, or in use again.

A disabled channel opens no more windows. Its keys are still charged and its payments still
cancelled and looked up. For that reason a channel is never deleted.

The default of a live merchant is one of its live channels.
"""

from dasi.channels import channel_store
from dasi.channels.channel import Channel
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, NotFound


async def make_default(engine: Engine, merchant_id: int, channel_id: int) -> Channel:
    """Make a channel the default instead of the old one and return it.

    Raises `NotFound("unknown_channel")`, `Conflict("channel_disabled")` and, for a test channel of
    a live merchant, `Conflict("default_must_be_live")`.
    """
    async with engine.database.transaction() as connection:
        is_live_merchant = await channel_store.lock_channels(connection, merchant_id)
        channel = await _channel(connection, merchant_id, channel_id)
        if channel.disabled_at is not None:
            raise Conflict("channel_disabled", pg=channel.pg)
        if is_live_merchant and channel.is_sandbox:
            raise Conflict("default_must_be_live", pg=channel.pg)
        await channel_store.clear_default(connection, merchant_id)
        await channel_store.set_state(
            connection, merchant_id, channel_id, is_default=True, disabled_at=None
        )
    return channel


async def disable_channel(engine: Engine, merchant_id: int, channel_id: int) -> Channel:
    """Disable a channel and return it.

    The default can be disabled only when no other channel can take its place.

    Raises `NotFound("unknown_channel")`, `Conflict("channel_is_default")` and
    `Conflict("channel_disabled")`.
    """
    async with engine.database.transaction() as connection:
        is_live_merchant = await channel_store.lock_channels(connection, merchant_id)
        channel = await _channel(connection, merchant_id, channel_id)
        if channel.disabled_at is not None:
            raise Conflict("channel_disabled", pg=channel.pg)
        candidates = await channel_store.count_in_use(
            connection, merchant_id, only_live=is_live_merchant
        )
        if channel.is_default and candidates > 1:
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
    """Put a channel in use again and return it. It is the default if no other is in use.

    Raises `NotFound("unknown_channel")` and `Conflict("channel_in_use")`; for a live channel the
    refusals of `Engine.ensure_public_url`.
    """
    async with engine.database.transaction() as connection:
        is_live_merchant = await channel_store.lock_channels(connection, merchant_id)
        channel = await _channel(connection, merchant_id, channel_id)
        if channel.disabled_at is None:
            raise Conflict("channel_in_use", pg=channel.pg)
        if not channel.is_sandbox:
            engine.ensure_public_url()
        candidates = await channel_store.count_in_use(
            connection, merchant_id, only_live=is_live_merchant
        )
        may_be_default = not (is_live_merchant and channel.is_sandbox)
        await channel_store.set_state(
            connection,
            merchant_id,
            channel_id,
            is_default=may_be_default and candidates == 0,
            disabled_at=None,
        )
    return channel


async def _channel(connection: Connection, merchant_id: int, channel_id: int) -> Channel:
    channel = await channel_store.channel_for_update(connection, merchant_id, channel_id)
    if channel is None:
        raise NotFound("unknown_channel", channel_id=channel_id)
    return channel

"""Select the channel of a request, and unseal its account for a request to the PG."""

from datetime import datetime

from dasi.channels import channel_store
from dasi.channels.channel import Channel, SealedAccount
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed
from dasi.foundation.vault import EncryptedColumn
from dasi.merchants import Merchant
from dasi.providers.port import PgAccount


def may_use_test_channel(merchant: Merchant, *, is_registered: bool, now: datetime) -> bool:
    """Tell whether a page may open a window of a test channel (M12).

    The page of a live merchant may while its operator allows it, or for an order that its server
    registered for a test window (`is_registered`).
    """
    if not merchant.is_live or is_registered:
        return True
    return merchant.test_windows_until is not None and now < merchant.test_windows_until


async def list_page_channels(
    engine: Engine, merchant: Merchant, *, is_registered: bool = False
) -> list[Channel]:
    """Return the channels that a page may use, the default first."""
    with_test = may_use_test_channel(merchant, is_registered=is_registered, now=engine.clock.now())
    channels = [
        channel
        for channel in await list_channels(engine, merchant.merchant_id)
        if with_test or not channel.is_sandbox
    ]
    return sorted(channels, key=lambda channel: (not channel.is_default, channel.is_sandbox))


async def select_channel(
    engine: Engine,
    merchant: Merchant,
    *,
    pg: str | None,
    channel_key: str | None,
    is_registered: bool,
) -> Channel:
    """Return the channel named by `channel_key`, else by `pg` (`kicc` or `kicc.{MID}`).

    Without either it is the default. A bare provider selects the default if it is of that provider,
    else the oldest one. Only channels that a page may use count; a wrong MID is refused, never
    guessed. Raises `NotAllowed`: `no_channel` if the page may use none, `channel_disabled`,
    `test_channel_of_live_merchant`, or `pg_not_configured` if none matches.
    """
    channels = await list_page_channels(engine, merchant, is_registered=is_registered)
    if not channels:
        raise NotAllowed("no_channel")
    if channel_key is None and pg is None:
        return channels[0]
    for channel in channels:
        if channel_key == channel.channel_key or (
            channel_key is None and pg in (channel.pg, channel.provider)
        ):
            return channel
    for channel in await channel_store.channels(engine.database, merchant.merchant_id):
        if channel.channel_key == channel_key or (channel_key is None and channel.pg == pg):
            is_disabled = channel.disabled_at is not None
            raise NotAllowed(
                "channel_disabled" if is_disabled else "test_channel_of_live_merchant",
                pg=channel.pg,
            )
    raise NotAllowed(
        "pg_not_configured",
        pg=(channel_key or pg or "")[:80],
        configured=", ".join(channel.pg for channel in channels),
    )


async def find_channel(engine: Engine, merchant_id: int, channel_id: int) -> Channel:
    """Return the channel that a stored row names; it cannot be missing."""
    channel = await channel_store.channel(engine.database, merchant_id, channel_id)
    assert channel is not None, f"channel {channel_id} of merchant {merchant_id} is gone"
    return channel


async def list_channels(
    engine: Engine, merchant_id: int, *, with_disabled: bool = False
) -> list[Channel]:
    """Return the channels in use, oldest first; the disabled ones too if `with_disabled`."""
    channels = await channel_store.channels(engine.database, merchant_id)
    return [channel for channel in channels if with_disabled or channel.disabled_at is None]


def open_account(engine: Engine, channel: SealedAccount) -> PgAccount:
    """Return the channel's account with its secret unsealed, for one request to the PG."""
    return PgAccount(
        pg_merchant_id=channel.pg_merchant_id,
        secret=SEALED_SECRETS.open(
            engine.vault,
            channel.sealed_secret,
            merchant_id=channel.merchant_id,
            provider=channel.provider,
            pg_merchant_id=channel.pg_merchant_id,
        ),
        is_sandbox=channel.is_sandbox,
        key_fields=channel.key_fields,
        language=channel.language,
    )


SEALED_SECRETS = EncryptedColumn(
    title="secrets of channels",
    table="channels",
    key=("merchant_id", "channel_id"),
    column="sealed_secret",
    bound_to=("merchant_id", "provider", "pg_merchant_id"),
)

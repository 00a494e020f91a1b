"""Select the channel of a request, and unseal its account for a request to the PG."""

from dasi.channels import channel_store
from dasi.channels.channel import Channel, SealedAccount
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed
from dasi.foundation.vault import EncryptedColumn
from dasi.providers.port import PgAccount


async def select_channel(
    engine: Engine, merchant_id: int, *, pg: str | None, channel_key: str | None
) -> Channel:
    """Return the channel named by `channel_key`, else by `pg` (`kicc` or `kicc.{MID}`).

    Without either it is the default. A bare provider selects the default if it is of that provider,
    else the oldest one in use. A wrong MID is refused, never guessed.
    Raises `NotAllowed`: `no_channel` if the merchant has none in use, `channel_disabled`, or
    `pg_not_configured` if none matches.
    """
    all_channels = await channel_store.channels(engine.database, merchant_id)
    channels = [channel for channel in all_channels if channel.disabled_at is None]
    if not channels:
        raise NotAllowed("no_channel")
    for channel in sorted(channels, key=lambda channel: not channel.is_default):
        if channel_key is not None:
            is_match = channel.channel_key == channel_key
        elif pg is not None:
            is_match = pg in (channel.pg, channel.provider)
        else:
            is_match = channel.is_default
        if is_match:
            return channel
    for channel in all_channels:
        if channel.channel_key == channel_key or (channel_key is None and channel.pg == pg):
            raise NotAllowed("channel_disabled", pg=channel.pg)
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

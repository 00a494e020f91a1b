"""Choose the channel a request means, and open its contract for a call."""

from dasi.channels import channel_store
from dasi.channels.channel import Channel, SealedAccount
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed
from dasi.foundation.reencrypt import EncryptedColumn
from dasi.providers.port import PgAccount


async def select_channel(
    engine: Engine, merchant_id: int, *, pg: str | None, channel_key: str | None
) -> Channel:
    """The channel that `channelKey`, else `pg` (`kicc` or `kicc.{MID}`), else nothing means.

    `NotAllowed("no_channel")` if the merchant has none at all; `NotAllowed("pg_not_configured")`
    if it has none like that. A bare provider means the default if it is of that provider, else the
    oldest one in use. Nothing is guessed beyond that: a wrong MID is refused, and so is one
    that was disabled, by `NotAllowed("channel_disabled")`.
    """
    every = await channel_store.channels(engine.database, merchant_id)
    channels = [channel for channel in every if channel.disabled_at is None]
    if not channels:
        raise NotAllowed("no_channel")
    for channel in sorted(channels, key=lambda one: not one.is_default):
        if channel_key is not None:
            is_meant = channel.channel_key == channel_key
        elif pg is not None:
            is_meant = pg in (channel.pg, channel.provider)
        else:
            is_meant = channel.is_default
        if is_meant:
            return channel
    for channel in every:
        if channel.channel_key == channel_key or (channel_key is None and channel.pg == pg):
            raise NotAllowed("channel_disabled", pg=channel.pg)
    raise NotAllowed(
        "pg_not_configured",
        pg=(channel_key or pg or "")[:80],
        configured=", ".join(channel.pg for channel in channels),
    )


async def find_channel(engine: Engine, merchant_id: int, channel_id: int) -> Channel:
    """A channel that a stored row names; it cannot be missing."""
    channel = await channel_store.channel(engine.database, merchant_id, channel_id)
    assert channel is not None, f"channel {channel_id} of merchant {merchant_id} is gone"
    return channel


async def list_channels(
    engine: Engine, merchant_id: int, *, with_disabled: bool = False
) -> list[Channel]:
    """Those in use, oldest first."""
    every = await channel_store.channels(engine.database, merchant_id)
    return [one for one in every if with_disabled or one.disabled_at is None]


def open_account(engine: Engine, channel: SealedAccount) -> PgAccount:
    """The contract with its secret unsealed, for the length of a call."""
    return PgAccount(
        pg_merchant_id=channel.pg_merchant_id,
        secret=engine.vault.open(
            channel.sealed_secret,
            associated_data=associated_data(channel.merchant_id, channel.pg_merchant_id),
        ),
        is_sandbox=channel.is_sandbox,
        key_fields=channel.key_fields,
        language=channel.language,
    )


def associated_data(merchant_id: int, pg_merchant_id: str) -> str:
    """Where a channel's secret belongs: moved to another merchant's row it does not open."""
    return f"merchant {merchant_id} MID {pg_merchant_id}"


SEALED_SECRETS = EncryptedColumn(
    label="secrets of channels",
    table="channels",
    key=("merchant_id", "channel_id"),
    column="sealed_secret",
    associated_data=lambda row: associated_data(row["merchant_id"], row["pg_merchant_id"]),
)

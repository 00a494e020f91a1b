"""SQL of channels."""

from datetime import datetime

from dasi.channels.channel import Channel
from dasi.foundation.db import Connection, Database

_CHANNEL = """merchant_id, channel_id, channel_key, provider, pg_merchant_id, sealed_secret,
              is_sandbox,
              is_default, key_fields, language, late_approval_policy, quota_months_max, disabled_at,
              created_at"""


async def channels(database: Database, merchant_id: int) -> list[Channel]:
    """Return all channels, oldest first, the disabled ones too."""
    rows = await database.fetch(
        f"SELECT {_CHANNEL} FROM channels WHERE merchant_id = $1 ORDER BY channel_id", merchant_id
    )
    return [Channel(**row) for row in rows]


async def channel(database: Database, merchant_id: int, channel_id: int) -> Channel | None:
    row = await database.fetchrow(
        f"SELECT {_CHANNEL} FROM channels WHERE merchant_id = $1 AND channel_id = $2",
        merchant_id,
        channel_id,
    )
    return None if row is None else Channel(**row)


async def lock_channels(connection: Connection, merchant_id: int) -> bool:
    """Lock the merchant's channels against other writers and return whether it is live."""
    is_live: bool = await connection.fetchval(
        "SELECT live_since IS NOT NULL FROM merchants WHERE merchant_id = $1 FOR UPDATE",
        merchant_id,
    )
    return is_live


async def count_in_use(connection: Connection, merchant_id: int, *, only_live: bool) -> int:
    """Count the channels in use: all of them, or the live ones."""
    count: int = await connection.fetchval(
        """SELECT count(*) FROM channels
           WHERE merchant_id = $1 AND disabled_at IS NULL AND NOT (is_sandbox AND $2)""",
        merchant_id,
        only_live,
    )
    return count


async def clear_default(connection: Connection, merchant_id: int) -> None:
    await connection.execute(
        "UPDATE channels SET is_default = false WHERE merchant_id = $1 AND is_default", merchant_id
    )


async def insert_channel(
    connection: Connection,
    merchant_id: int,
    *,
    channel_key: str,
    provider: str,
    pg_merchant_id: str,
    sealed_secret: bytes,
    is_sandbox: bool,
    is_default: bool,
    key_fields: str,
    language: str,
    late_approval_policy: str,
    quota_months_max: int | None,
    now: datetime,
) -> Channel | None:
    """Insert a channel and return it, or None if the merchant has this MID already."""
    row = await connection.fetchrow(
        f"""INSERT INTO channels (merchant_id, channel_key, provider, pg_merchant_id, sealed_secret,
                                  is_sandbox, is_default, key_fields, language,
                                  late_approval_policy, quota_months_max, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (merchant_id, provider, pg_merchant_id) DO NOTHING
            RETURNING {_CHANNEL}""",
        merchant_id,
        channel_key,
        provider,
        pg_merchant_id,
        sealed_secret,
        is_sandbox,
        is_default,
        key_fields,
        language,
        late_approval_policy,
        quota_months_max,
        now,
    )
    return None if row is None else Channel(**row)


async def update_channel(
    connection: Connection,
    merchant_id: int,
    channel_id: int,
    *,
    sealed_secret: bytes,
    key_fields: str,
    language: str,
    late_approval_policy: str,
    quota_months_max: int | None,
) -> Channel:
    row = await connection.fetchrow(
        f"""UPDATE channels
            SET sealed_secret = $3, key_fields = $4, language = $5, late_approval_policy = $6,
                quota_months_max = $7
            WHERE merchant_id = $1 AND channel_id = $2
            RETURNING {_CHANNEL}""",
        merchant_id,
        channel_id,
        sealed_secret,
        key_fields,
        language,
        late_approval_policy,
        quota_months_max,
    )
    return Channel(**row)


async def channel_for_update(
    connection: Connection, merchant_id: int, channel_id: int
) -> Channel | None:
    row = await connection.fetchrow(
        f"""SELECT {_CHANNEL} FROM channels WHERE merchant_id = $1 AND channel_id = $2
            FOR UPDATE""",
        merchant_id,
        channel_id,
    )
    return None if row is None else Channel(**row)


async def set_state(
    connection: Connection,
    merchant_id: int,
    channel_id: int,
    *,
    is_default: bool,
    disabled_at: datetime | None,
) -> None:
    """Record whether the channel is the default, and whether it is in use."""
    await connection.execute(
        """UPDATE channels SET is_default = $3, disabled_at = $4
           WHERE merchant_id = $1 AND channel_id = $2""",
        merchant_id,
        channel_id,
        is_default,
        disabled_at,
    )

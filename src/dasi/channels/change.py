"""Change what a channel says: everything but the MID, which is what a channel is."""

from typing import Literal

from dasi.channels import channel_store
from dasi.channels.add import SECRET_MAX, check_quota_months_max
from dasi.channels.channel import Channel
from dasi.channels.select import associated_data
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotFound


async def change_channel(
    engine: Engine,
    merchant_id: int,
    channel_id: int,
    *,
    secret: str | None,
    is_sandbox: bool,
    key_fields: Literal["full", "number_expiry", "number_expiry_birth"],
    language: Literal["ko", "en", "ja", "zh"],
    late_approval_policy: Literal["keep", "cancel"],
    quota_months_max: int | None,
) -> Channel:
    """`secret` None leaves the one there is. `NotFound("unknown_channel")`, `Invalid`.

    A disabled one can be changed: its keys are still charged.
    """
    check_quota_months_max(quota_months_max)
    old = await channel_store.channel(engine.database, merchant_id, channel_id)
    if old is None:
        raise NotFound("unknown_channel", channel_id=channel_id)
    if secret is not None and not 1 <= len(secret) <= SECRET_MAX:
        raise Invalid("secret", "pg_secret", maximum=SECRET_MAX)
    sealed = old.sealed_secret
    if secret is not None:
        sealed = engine.vault.seal(
            secret, associated_data=associated_data(merchant_id, old.pg_merchant_id)
        )
    async with engine.database.transaction() as connection:
        await channel_store.lock_channels(connection, merchant_id)
        return await channel_store.update_channel(
            connection,
            merchant_id,
            channel_id,
            sealed_secret=sealed,
            is_sandbox=is_sandbox,
            key_fields=key_fields,
            language=language,
            late_approval_policy=late_approval_policy,
            quota_months_max=quota_months_max,
        )

"""Add a channel."""

import re
import uuid
from typing import Literal

from dasi.channels import channel_store
from dasi.channels.channel import QUOTA_MONTHS_MAX, Channel
from dasi.channels.select import associated_data
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid
from dasi.merchants import Merchant

_PG_MERCHANT_ID = re.compile(r"[A-Za-z0-9]{1,20}")
SECRET_MAX = 200


async def add_channel(
    engine: Engine,
    merchant: Merchant,
    *,
    provider: str,
    pg_merchant_id: str,
    secret: str,
    is_sandbox: bool,
    is_default: bool,
    key_fields: Literal["full", "number_expiry", "number_expiry_birth"] = "full",
    language: Literal["ko", "en", "ja", "zh"] = "ko",
    late_approval_policy: Literal["keep", "cancel"] = "keep",
    quota_months_max: int | None = None,
) -> Channel:
    """Adds a contract. The only channel in use is the default whatever is said, and a new default
    takes the place of the old one.

    `Invalid` names field and rule; `Conflict("channel_exists")` for an MID added before.
    """
    if provider not in engine.providers:
        raise Invalid("provider", "one_of", values=sorted(engine.providers))
    if not _PG_MERCHANT_ID.fullmatch(pg_merchant_id):
        raise Invalid("pg_merchant_id", "pg_merchant_id", maximum=20)
    if not 1 <= len(secret) <= SECRET_MAX:
        raise Invalid("secret", "pg_secret", maximum=SECRET_MAX)
    check_quota_months_max(quota_months_max)
    sealed = engine.vault.seal(
        secret, associated_data=associated_data(merchant.merchant_id, pg_merchant_id)
    )
    async with engine.database.transaction() as connection:
        is_first = not await channel_store.lock_channels(connection, merchant.merchant_id)
        if is_default or is_first:
            await channel_store.clear_default(connection, merchant.merchant_id)
        channel = await channel_store.insert_channel(
            connection,
            merchant.merchant_id,
            channel_key=f"channel-key-{uuid.uuid4()}",
            provider=provider,
            pg_merchant_id=pg_merchant_id,
            sealed_secret=sealed,
            is_sandbox=is_sandbox,
            is_default=is_default or is_first,
            key_fields=key_fields,
            language=language,
            late_approval_policy=late_approval_policy,
            quota_months_max=quota_months_max,
            now=engine.clock.now(),
        )
        if channel is None:
            raise Conflict("channel_exists", pg=f"{provider}.{pg_merchant_id}")
    return channel


def check_quota_months_max(months: int | None) -> None:
    """`Invalid` for a number that no card company takes: 0 is a lump sum, and so is 1."""
    if months not in (None, 0, *range(2, QUOTA_MONTHS_MAX + 1)):
        raise Invalid("quota_months_max", "quota_months", maximum=QUOTA_MONTHS_MAX)

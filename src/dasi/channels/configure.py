"""Add a channel, or change its settings: everything but the MID, which identifies it."""

import re
import uuid

from dasi.channels import channel_store
from dasi.channels.channel import QUOTA_MONTHS_MAX, Channel, LateApprovalPolicy
from dasi.channels.select import SEALED_SECRETS
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.merchants import Merchant
from dasi.providers.port import KeyFields, Language

_PG_MERCHANT_ID = re.compile(r"[A-Za-z0-9]{1,20}")
_SECRET_MAX = 200


async def add_channel(
    engine: Engine,
    merchant: Merchant,
    *,
    provider: str,
    pg_merchant_id: str,
    secret: str,
    is_sandbox: bool,
    is_default: bool,
    key_fields: KeyFields = "full",
    language: Language = "ko",
    late_approval_policy: LateApprovalPolicy = "keep",
    quota_months_max: int | None = None,
) -> Channel:
    """Add a channel and return it. The only channel in use is always the default.

    A new default replaces the old one. Raises `Invalid` with field and rule, and
    `Conflict("channel_exists")` for an MID that the merchant has already.
    """
    if provider not in engine.providers:
        raise Invalid("provider", "one_of", values=sorted(engine.providers))
    if not _PG_MERCHANT_ID.fullmatch(pg_merchant_id):
        raise Invalid("pg_merchant_id", "pg_merchant_id", maximum=20)
    _check_secret(secret)
    _check_quota_months_max(quota_months_max)
    sealed_secret = SEALED_SECRETS.seal(
        engine.vault,
        secret,
        merchant_id=merchant.merchant_id,
        provider=provider,
        pg_merchant_id=pg_merchant_id,
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
            sealed_secret=sealed_secret,
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


async def change_channel(
    engine: Engine,
    merchant_id: int,
    channel_id: int,
    *,
    secret: str | None,
    is_sandbox: bool,
    key_fields: KeyFields,
    language: Language,
    late_approval_policy: LateApprovalPolicy,
    quota_months_max: int | None,
) -> Channel:
    """Change a channel's settings and return it. `secret` None keeps the present secret.

    A disabled channel can be changed, because its keys are still charged.
    Raises `NotFound("unknown_channel")` and `Invalid`.
    """
    _check_quota_months_max(quota_months_max)
    old = await channel_store.channel(engine.database, merchant_id, channel_id)
    if old is None:
        raise NotFound("unknown_channel", channel_id=channel_id)
    sealed_secret = old.sealed_secret
    if secret is not None:
        _check_secret(secret)
        sealed_secret = SEALED_SECRETS.seal(
            engine.vault,
            secret,
            merchant_id=merchant_id,
            provider=old.provider,
            pg_merchant_id=old.pg_merchant_id,
        )
    async with engine.database.transaction() as connection:
        await channel_store.lock_channels(connection, merchant_id)
        return await channel_store.update_channel(
            connection,
            merchant_id,
            channel_id,
            sealed_secret=sealed_secret,
            is_sandbox=is_sandbox,
            key_fields=key_fields,
            language=language,
            late_approval_policy=late_approval_policy,
            quota_months_max=quota_months_max,
        )


def _check_quota_months_max(months: int | None) -> None:
    """Raise `Invalid` for a number that card companies refuse. 1 is a lump sum, as 0 is."""
    if months not in (None, 0, *range(2, QUOTA_MONTHS_MAX + 1)):
        raise Invalid("quota_months_max", "quota_months", maximum=QUOTA_MONTHS_MAX)


def _check_secret(secret: str) -> None:
    if not 1 <= len(secret) <= _SECRET_MAX:
        raise Invalid("secret", "pg_secret", maximum=_SECRET_MAX)

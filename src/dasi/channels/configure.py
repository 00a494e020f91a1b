"""Add a channel, or change its settings. Its mode, its provider and its MID never change."""

import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from dasi.channels import channel_store
from dasi.channels.channel import QUOTA_MONTHS_MAX, Channel, LateApprovalPolicy
from dasi.channels.select import SEALED_SECRETS, open_account
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.merchants import Merchant, find_clock_offset, live_mode
from dasi.providers.port import KeyFields, Language

_PG_MERCHANT_ID = re.compile(r"[A-Za-z0-9]{1,20}")
_SECRET_MAX = 200

InSameAct = Callable[[Connection, int, datetime], Awaitable[object]]
"""Work for the transaction that makes a merchant live, given its id and the moment."""


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
    also: InSameAct | None = None,
) -> Channel:
    """Add a channel and return it. The only channel that can be the default always is.

    A new default replaces the old one. The first live channel makes the merchant live and is the
    default; `also` then ends what was scheduled with test keys, in the same transaction.
    Raises `Invalid` with field and rule, `Conflict("channel_exists")` for an MID that the merchant
    has already, and `Conflict("default_must_be_live")`. A live channel is also refused with
    `Conflict("clock_is_advanced")` and the refusals of `Engine.ensure_public_url`.
    """
    if provider not in engine.providers:
        raise Invalid("provider", "one_of", values=sorted(engine.providers))
    if not _PG_MERCHANT_ID.fullmatch(pg_merchant_id):
        raise Invalid("pg_merchant_id", "pg_merchant_id", maximum=20)
    _check_secret(secret)
    _check_quota_months_max(quota_months_max)
    if not is_sandbox:
        await _check_live_account(engine, merchant.merchant_id, provider, pg_merchant_id, secret)
    now = engine.clock.now()
    sealed_secret = SEALED_SECRETS.seal(
        engine.vault,
        secret,
        merchant_id=merchant.merchant_id,
        provider=provider,
        pg_merchant_id=pg_merchant_id,
    )
    async with engine.database.transaction() as connection:
        is_live = await channel_store.lock_channels(connection, merchant.merchant_id)
        if is_live and is_sandbox and is_default:
            raise Conflict("default_must_be_live", pg=f"{provider}.{pg_merchant_id}")
        if not is_sandbox:
            await _go_live(connection, merchant.merchant_id, also=also, now=now)
        if not (is_live and is_sandbox) and not is_default:
            candidates = await channel_store.count_in_use(
                connection, merchant.merchant_id, only_live=not is_sandbox
            )
            is_default = candidates == 0
        if is_default:
            await channel_store.clear_default(connection, merchant.merchant_id)
        channel = await channel_store.insert_channel(
            connection,
            merchant.merchant_id,
            channel_key=f"channel-key-{uuid.uuid4()}",
            provider=provider,
            pg_merchant_id=pg_merchant_id,
            sealed_secret=sealed_secret,
            is_sandbox=is_sandbox,
            is_default=is_default,
            key_fields=key_fields,
            language=language,
            late_approval_policy=late_approval_policy,
            quota_months_max=quota_months_max,
            now=now,
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
        if not old.is_sandbox:
            await _check_live_account(engine, merchant_id, old.provider, old.pg_merchant_id, secret)
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
            key_fields=key_fields,
            language=language,
            late_approval_policy=late_approval_policy,
            quota_months_max=quota_months_max,
        )


async def _go_live(
    connection: Connection, merchant_id: int, *, also: InSameAct | None, now: datetime
) -> None:
    """Make a test merchant live. `Conflict("clock_is_advanced")` unless its clock is the machine's.

    Schedules are due on the merchant's clock: an advanced one would take real money too early.
    """
    if await find_clock_offset(connection, merchant_id) != timedelta(0):
        raise Conflict("clock_is_advanced")
    if await live_mode.mark_live(connection, merchant_id, now=now):
        assert also is not None, "the caller ends what was scheduled with test keys"
        await also(connection, merchant_id, now)


async def _check_live_account(
    engine: Engine, merchant_id: int, provider: str, pg_merchant_id: str, secret: str
) -> None:
    """Raise `Invalid` for an account that is the PG's or the merchant's test account.

    Raise what `Engine.ensure_public_url` raises, too.
    """
    engine.ensure_public_url()
    if pg_merchant_id in engine.providers[provider].test_merchant_ids:
        raise Invalid("pg_merchant_id", "live_pg_merchant_id", pg_merchant_id=pg_merchant_id)
    test_secrets = {
        open_account(engine, channel).secret
        for channel in await channel_store.channels(engine.database, merchant_id)
        if channel.is_sandbox and channel.provider == provider
    }
    if secret in test_secrets | engine.providers[provider].test_secrets:
        raise Invalid("secret", "live_pg_secret")


def _check_quota_months_max(months: int | None) -> None:
    """Raise `Invalid` for a number that card companies refuse. 1 is a lump sum, as 0 is."""
    if months not in (None, 0, *range(2, QUOTA_MONTHS_MAX + 1)):
        raise Invalid("quota_months_max", "quota_months", maximum=QUOTA_MONTHS_MAX)


def _check_secret(secret: str) -> None:
    if not 1 <= len(secret) <= _SECRET_MAX:
        raise Invalid("secret", "pg_secret", maximum=_SECRET_MAX)

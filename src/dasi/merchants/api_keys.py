"""API keys: shown once, kept as a salted scrypt hash; two are active during a rotation (A2)."""

import asyncio
import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from dasi.engine import Engine
from dasi.foundation.db import Connection, Database
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.foundation.ids import token
from dasi.merchants import merchant_store
from dasi.merchants.merchant import add_merchant
from dasi.merchants.merchant_store import ApiKeySummary, Merchant

_KEY = re.compile(r"[A-Za-z0-9_-]{4,100}")
_SECRET_MIN, _SECRET_MAX = 8, 200

# 4 MiB and some 10 ms a guess. Our secrets have 320 random bits and need no more; the cost protects
# secrets that a user chose. A client that requests a token before every call pays it each time.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**12, 8, 1


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A new key, shown once. The database holds only a hash of the secret."""

    api_key: str
    api_secret: str = field(repr=False)


async def add_api_key(
    engine: Engine,
    merchant: Merchant,
    *,
    api_key: str | None = None,
    api_secret: str | None = None,
) -> NewApiKey:
    """Add an API key and return it. None stands for a random key or secret.

    Raises `Invalid` with field and rule, and `Conflict("api_key_taken")` if any merchant has it.
    """
    key = await _hashed_key(api_key, api_secret)
    await _insert(engine.database, merchant.merchant_id, key, now=engine.clock.now())
    return key.new


async def add_merchant_with_key(
    engine: Engine,
    *,
    code: str,
    name: str,
    webhook_url: str | None,
    test_webhook_url: str | None = None,
    webhook_content_type: Literal["json", "form"] = "json",
    api_key: str | None = None,
    api_secret: str | None = None,
) -> tuple[Merchant, NewApiKey]:
    """Register a merchant with its first API key, in one transaction: both or neither.

    Raises what `add_merchant` and `add_api_key` raise.
    """
    key = await _hashed_key(api_key, api_secret)
    async with engine.database.transaction() as connection:
        merchant = await add_merchant(
            engine,
            code=code,
            name=name,
            webhook_url=webhook_url,
            test_webhook_url=test_webhook_url,
            webhook_content_type=webhook_content_type,
            connection=connection,
        )
        await _insert(connection, merchant.merchant_id, key, now=engine.clock.now())
    return merchant, key.new


async def rotate_api_key(
    engine: Engine, merchant: Merchant, api_key: str, *, keep_old_for: timedelta
) -> NewApiKey:
    """Add a second key and return it. The first one ends after `keep_old_for`.

    Raises `NotFound("unknown_api_key")`, also for a key that has ended, and
    `Conflict("api_key_rotating")` while the key or the one before it is still ending.
    """
    key = await _hashed_key(None, None)
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        if not await merchant_store.end_api_key(
            connection,
            merchant.merchant_id,
            api_key,
            ends_at=now + keep_old_for,
            replaced_by=key.new.api_key,
            now=now,
        ):
            row = await merchant_store.api_key_any_merchant(connection, api_key, now)
            if row is None or row.merchant_id != merchant.merchant_id:
                raise NotFound("unknown_api_key", api_key=api_key)
            raise Conflict("api_key_rotating", api_key=api_key)
        await _insert(connection, merchant.merchant_id, key, now=now)
    return key.new


@dataclass(frozen=True, slots=True)
class _HashedKey:
    new: NewApiKey
    secret_salt: bytes
    secret_hash: bytes


async def _hashed_key(api_key: str | None, api_secret: str | None) -> _HashedKey:
    """Check a key and hash its secret, before any transaction is open."""
    new = NewApiKey(api_key or token(8), api_secret or token(40))
    if not _KEY.fullmatch(new.api_key):
        raise Invalid("api_key", "identifier", minimum=4, maximum=100)
    if not _SECRET_MIN <= len(new.api_secret) <= _SECRET_MAX:
        raise Invalid("api_secret", "length_between", minimum=_SECRET_MIN, maximum=_SECRET_MAX)
    salt = os.urandom(16)
    return _HashedKey(new, salt, await hash_secret(new.api_secret, salt))


async def _insert(
    connection: Connection | Database, merchant_id: int, key: _HashedKey, *, now: datetime
) -> None:
    is_new = await merchant_store.insert_api_key(
        connection,
        merchant_id,
        api_key=key.new.api_key,
        secret_salt=key.secret_salt,
        secret_hash=key.secret_hash,
        now=now,
    )
    if not is_new:
        raise Conflict("api_key_taken", api_key=key.new.api_key)


async def revoke_api_key(engine: Engine, merchant: Merchant, api_key: str) -> None:
    """Delete a key and its tokens. Raises `NotFound("unknown_api_key")`."""
    if not await merchant_store.delete_api_key(engine.database, merchant.merchant_id, api_key):
        raise NotFound("unknown_api_key", api_key=api_key)


async def hash_secret(secret: str, salt: bytes) -> bytes:
    """Hash a secret with scrypt in a thread, so that it does not block other requests."""
    return await asyncio.to_thread(
        hashlib.scrypt, secret.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P
    )


async def is_secret(secret: str, salt: bytes, expected: bytes) -> bool:
    """Return whether the secret has the expected hash."""
    return hmac.compare_digest(await hash_secret(secret[:_SECRET_MAX], salt), expected)


async def list_api_keys(engine: Engine, merchant: Merchant) -> list[ApiKeySummary]:
    """Return the active keys, newest first."""
    return await merchant_store.api_keys(engine.database, merchant.merchant_id, engine.clock.now())

"""Access tokens: each lives 30 minutes and is returned again while it lives (Iamport V1 1.2.1).

Clients request a token before every call, so most requests must not write. The active token is
returned again with its own end; in its last minute it is extended by five minutes.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dasi.engine import Engine
from dasi.foundation.errors import NotAuthenticated
from dasi.foundation.ids import token
from dasi.foundation.vault import EncryptedColumn
from dasi.merchants import merchant_store
from dasi.merchants.api_keys import is_secret
from dasi.merchants.merchant_store import Merchant

TOKEN_LIFE = timedelta(minutes=30)
_LAST_MINUTE = timedelta(minutes=1)
_EXTENSION = timedelta(minutes=5)
_NO_SALT = bytes(16)


@dataclass(frozen=True, slots=True)
class AccessToken:
    token: str = field(repr=False)
    issued_at: datetime
    """The time of the response, not of the token: clients compare it with their own clock."""
    expires_at: datetime


async def issue_token(engine: Engine, *, api_key: str, api_secret: str) -> AccessToken:
    """Return a token for an API key.

    Raises `NotAuthenticated("bad_api_key")` with the `merchant_id` of the key, None if no merchant
    has it. The client is not shown the difference.
    """
    now = engine.clock.now()
    row = await merchant_store.api_key_any_merchant(engine.database, api_key, now)
    if row is None:
        # An unknown key takes the same time, so that the time does not reveal which keys exist.
        await is_secret(api_secret, _NO_SALT, b"")
        raise NotAuthenticated("bad_api_key", merchant_id=None)
    if not await is_secret(api_secret, row.secret_salt, row.secret_hash):
        raise NotAuthenticated("bad_api_key", merchant_id=row.merchant_id)
    async with engine.database.transaction() as connection:
        # The lock gives concurrent requests the same token.
        if not await merchant_store.lock_api_key(connection, row.merchant_id, row.api_key):
            raise NotAuthenticated("bad_api_key", merchant_id=row.merchant_id)
        await merchant_store.mark_key_used(connection, row.merchant_id, row.api_key, now)
        active = await merchant_store.active_token(connection, row.merchant_id, row.api_key, now)
        if active is not None:
            ends_at = active.expires_at
            if ends_at - now < _LAST_MINUTE:
                ends_at += _EXTENSION
                await merchant_store.extend_token(
                    connection, row.merchant_id, active.token_hash, ends_at
                )
            value = SEALED_TOKENS.open(
                engine.vault,
                active.sealed,
                merchant_id=row.merchant_id,
                token_hash=active.token_hash,
            )
            return AccessToken(value, now, ends_at)
        value, ends_at = token(20), now + TOKEN_LIFE
        token_hash = _hash(value)
        await merchant_store.insert_token(
            connection,
            row.merchant_id,
            api_key=row.api_key,
            token_hash=token_hash,
            sealed=SEALED_TOKENS.seal(
                engine.vault, value, merchant_id=row.merchant_id, token_hash=token_hash
            ),
            now=now,
            expires_at=ends_at,
        )
    return AccessToken(value, now, ends_at)


async def authenticate(engine: Engine, access_token: str | None) -> Merchant:
    """Return the merchant of a token. Raises `NotAuthenticated("bad_token")`."""
    if not access_token:
        raise NotAuthenticated("bad_token")
    merchant = await engine.database.run_batched(
        merchant_store.merchants_by_token_any_merchant, (_hash(access_token), engine.clock.now())
    )
    if merchant is None:
        raise NotAuthenticated("bad_token")
    return merchant


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


SEALED_TOKENS = EncryptedColumn(
    title="access tokens",
    table="access_tokens",
    key=("token_hash",),
    column="sealed",
    bound_to=("merchant_id", "token_hash"),
)

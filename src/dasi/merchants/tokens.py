"""Access tokens: 30 minutes, the same one again while it lives (Iamport V1 1.2.1).

Clients in the field ask for a token before every call, so asking must be cheap in effect: the
active token is given again with its own end; in its last minute it is given five minutes more.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dasi.engine import Engine
from dasi.foundation.errors import NotAuthenticated
from dasi.foundation.ids import token
from dasi.foundation.reencrypt import EncryptedColumn
from dasi.merchants import merchant_store
from dasi.merchants.api_keys import is_secret
from dasi.merchants.merchant import Merchant

TOKEN_LIFE = timedelta(minutes=30)
_LAST_MINUTE = timedelta(minutes=1)
_EXTENSION = timedelta(minutes=5)
_NO_SALT = bytes(16)


@dataclass(frozen=True, slots=True)
class AccessToken:
    token: str = field(repr=False)
    issued_at: datetime
    """Of this answer, not of the token: clients compare it with their own clock."""
    expires_at: datetime


async def issue_token(engine: Engine, *, api_key: str, api_secret: str) -> AccessToken:
    """A token for a key and its secret. `NotAuthenticated("bad_api_key")` if they do not match."""
    now = engine.clock.now()
    row = await merchant_store.api_key_any_merchant(engine.database, api_key, now)
    if row is None:
        # The same time is spent for a key that does not exist: which keys exist is not told.
        await is_secret(api_secret, _NO_SALT, b"")
        raise NotAuthenticated("bad_api_key")
    if not await is_secret(api_secret, row.secret_salt, row.secret_hash):
        raise NotAuthenticated("bad_api_key")
    async with engine.database.transaction() as connection:
        # Two askers at once get one token between them.
        if not await merchant_store.lock_api_key(connection, row.merchant_id, row.api_key):
            raise NotAuthenticated("bad_api_key")
        await merchant_store.mark_key_used(connection, row.merchant_id, row.api_key, now)
        active = await merchant_store.active_token(connection, row.merchant_id, row.api_key, now)
        if active is not None:
            ends_at = active.expires_at
            if ends_at - now < _LAST_MINUTE:
                ends_at += _EXTENSION
                await merchant_store.extend_token(
                    connection, row.merchant_id, active.token_hash, ends_at
                )
            value = engine.vault.open(
                active.sealed, associated_data=_associated_data(row.merchant_id)
            )
            return AccessToken(value, now, ends_at)
        value, ends_at = token(20), now + TOKEN_LIFE
        await merchant_store.insert_token(
            connection,
            row.merchant_id,
            api_key=row.api_key,
            token_hash=_hash(value),
            sealed=engine.vault.seal(value, associated_data=_associated_data(row.merchant_id)),
            now=now,
            expires_at=ends_at,
        )
    return AccessToken(value, now, ends_at)


async def authenticate(engine: Engine, token_given: str | None) -> Merchant:
    """Who calls. `NotAuthenticated("bad_token")` for a missing, unknown or ended token."""
    if not token_given:
        raise NotAuthenticated("bad_token")
    merchant = await engine.database.run_batched(
        merchant_store.merchants_by_token_any_merchant, (_hash(token_given), engine.clock.now())
    )
    if merchant is None:
        raise NotAuthenticated("bad_token")
    return merchant


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


def _associated_data(merchant_id: int) -> str:
    return f"merchant {merchant_id} token"


SEALED_TOKENS = EncryptedColumn(
    label="access tokens",
    table="access_tokens",
    key=("token_hash",),
    column="sealed",
    associated_data=lambda row: _associated_data(row["merchant_id"]),
)

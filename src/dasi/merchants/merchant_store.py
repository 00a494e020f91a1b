"""SQL of merchants, API keys and tokens. `_any_merchant` statements find the merchant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dasi.foundation.db import Connection, Database, Row

_MERCHANT = """merchant_id, code, name, webhook_url, test_webhook_url, webhook_content_type,
    live_since, test_windows_until, created_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A business that calls this gateway."""

    merchant_id: int
    code: str
    """The argument of `IMP.init` in the merchant's page."""
    name: str
    webhook_url: str | None
    """The URL for webhooks; None: it reads the feed."""
    test_webhook_url: str | None
    """The URL for webhooks of test channels; None: `webhook_url`, or none of a live merchant."""
    webhook_content_type: Literal["json", "form"]
    live_since: datetime | None
    """When its first live channel was added. It never becomes a test merchant again."""
    test_windows_until: datetime | None
    """Until when the pages of a live merchant may use its test channels too."""
    created_at: datetime

    @property
    def is_live(self) -> bool:
        """Whether it takes real money, so that test payments are left out (M12)."""
        return self.live_since is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySummary:
    """An API key in a list, without its secret."""

    api_key: str
    created_at: datetime
    expires_at: datetime | None
    """The end of a rotated key; None: it does not end."""
    used_at: datetime | None
    """The last request for a token, to the minute. A token lives half an hour."""


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    merchant_id: int
    api_key: str
    secret_salt: bytes
    secret_hash: bytes


@dataclass(frozen=True, slots=True)
class TokenRow:
    token_hash: bytes
    sealed: bytes
    expires_at: datetime


async def insert_merchant_any_merchant(
    database: Database | Connection,
    *,
    code: str,
    name: str,
    webhook_url: str | None,
    test_webhook_url: str | None,
    webhook_content_type: str,
    now: datetime,
) -> Merchant | None:
    """Insert a merchant and return it, or None if the code is taken."""
    row = await database.fetchrow(
        f"""INSERT INTO merchants
                (code, name, webhook_url, test_webhook_url, webhook_content_type, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (code) DO NOTHING
            RETURNING {_MERCHANT}""",
        code,
        name,
        webhook_url,
        test_webhook_url,
        webhook_content_type,
        now,
    )
    return _merchant(row)


async def merchant_by_code_any_merchant(database: Database, code: str) -> Merchant | None:
    return _merchant(
        await database.fetchrow(f"SELECT {_MERCHANT} FROM merchants WHERE code = $1", code)
    )


async def merchants_any_merchant(database: Database) -> list[Merchant]:
    rows = await database.fetch(f"SELECT {_MERCHANT} FROM merchants ORDER BY merchant_id")
    return [Merchant(**row) for row in rows]


async def insert_api_key(
    database: Connection | Database,
    merchant_id: int,
    *,
    api_key: str,
    secret_salt: bytes,
    secret_hash: bytes,
    now: datetime,
) -> bool:
    """Insert a key. Return False if any merchant has this key already."""
    row = await database.fetchrow(
        """INSERT INTO api_keys (merchant_id, api_key, secret_salt, secret_hash, created_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING
           RETURNING api_key""",
        merchant_id,
        api_key,
        secret_salt,
        secret_hash,
        now,
    )
    return row is not None


async def end_api_key(
    connection: Connection,
    merchant_id: int,
    api_key: str,
    *,
    ends_at: datetime,
    replaced_by: str,
    now: datetime,
) -> bool:
    """Let a key end at `ends_at`.

    Return False if it has an end already, if the key that it replaced is still active, or if there
    is no such key. So at most two keys of one rotation are active (A2).
    """
    row = await connection.fetchrow(
        """UPDATE api_keys k SET expires_at = $3, replaced_by = $4
           WHERE merchant_id = $1 AND lookup = lower($2) AND expires_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM api_keys older
                             WHERE older.merchant_id = $1 AND older.replaced_by = k.api_key
                               AND older.expires_at > $5)
           RETURNING api_key""",
        merchant_id,
        api_key,
        ends_at,
        replaced_by,
        now,
    )
    return row is not None


async def delete_api_key(database: Database, merchant_id: int, api_key: str) -> bool:
    """Delete a key and, by the foreign key, its tokens. Return False if there is none."""
    row = await database.fetchrow(
        "DELETE FROM api_keys WHERE merchant_id = $1 AND lookup = lower($2) RETURNING api_key",
        merchant_id,
        api_key,
    )
    return row is not None


async def api_key_any_merchant(
    database: Connection | Database, api_key: str, now: datetime
) -> ApiKeyRow | None:
    row = await database.fetchrow(
        """SELECT merchant_id, api_key, secret_salt, secret_hash FROM api_keys
           WHERE lookup = lower($1) AND (expires_at IS NULL OR expires_at > $2)""",
        api_key,
        now,
    )
    return None if row is None else ApiKeyRow(**row)


async def lock_api_key(connection: Connection, merchant_id: int, api_key: str) -> bool:
    """Lock the key's row until the transaction ends. Return False if it is revoked."""
    row = await connection.fetchrow(
        "SELECT 1 FROM api_keys WHERE merchant_id = $1 AND api_key = $2 FOR UPDATE",
        merchant_id,
        api_key,
    )
    return row is not None


async def mark_key_used(
    connection: Connection, merchant_id: int, api_key: str, now: datetime
) -> None:
    """Record the use to the minute: a client may request a token before every call."""
    await connection.execute(
        """UPDATE api_keys SET used_at = $3
           WHERE merchant_id = $1 AND api_key = $2
             AND (used_at IS NULL OR used_at < $3::timestamptz - interval '1 minute')""",
        merchant_id,
        api_key,
        now,
    )


async def active_token(
    connection: Connection, merchant_id: int, api_key: str, now: datetime
) -> TokenRow | None:
    """Return the key's active token."""
    row = await connection.fetchrow(
        """SELECT token_hash, sealed, expires_at FROM access_tokens
           WHERE merchant_id = $1 AND api_key = $2 AND expires_at > $3
           ORDER BY expires_at DESC LIMIT 1""",
        merchant_id,
        api_key,
        now,
    )
    return None if row is None else TokenRow(**row)


async def insert_token(
    connection: Connection,
    merchant_id: int,
    *,
    api_key: str,
    token_hash: bytes,
    sealed: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Insert a token and delete the key's expired ones, so that the table stays small."""
    await connection.execute(
        "DELETE FROM access_tokens WHERE merchant_id = $1 AND api_key = $2 AND expires_at <= $3",
        merchant_id,
        api_key,
        now,
    )
    await connection.execute(
        """INSERT INTO access_tokens
               (token_hash, merchant_id, api_key, sealed, issued_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        token_hash,
        merchant_id,
        api_key,
        sealed,
        now,
        expires_at,
    )


async def extend_token(
    connection: Connection, merchant_id: int, token_hash: bytes, expires_at: datetime
) -> None:
    await connection.execute(
        "UPDATE access_tokens SET expires_at = $3 WHERE merchant_id = $1 AND token_hash = $2",
        merchant_id,
        token_hash,
        expires_at,
    )


async def merchants_by_token_any_merchant(
    database: Database, tokens: Sequence[tuple[bytes, datetime]]
) -> list[Merchant | None]:
    """Return each token's merchant at its moment; None for an unknown or expired token."""
    rows = await database.fetch(
        """SELECT input.place, m.merchant_id, m.code, m.name, m.webhook_url, m.test_webhook_url,
                  m.webhook_content_type, m.live_since, m.test_windows_until, m.created_at
           FROM unnest($1::bytea[], $2::timestamptz[])
                WITH ORDINALITY AS input (token_hash, now, place)
           JOIN access_tokens t ON t.token_hash = input.token_hash AND t.expires_at > input.now
           JOIN api_keys k ON k.merchant_id = t.merchant_id AND k.api_key = t.api_key
           JOIN merchants m ON m.merchant_id = t.merchant_id
           WHERE k.expires_at IS NULL OR k.expires_at > input.now""",
        [token_hash for token_hash, _ in tokens],
        [now for _, now in tokens],
    )
    merchants: list[Merchant | None] = [None] * len(tokens)
    for row in rows:
        values = dict(row)
        place = values.pop("place")
        merchants[place - 1] = Merchant(**values)
    return merchants


async def update_webhook(
    database: Database,
    merchant_id: int,
    *,
    webhook_url: str | None,
    test_webhook_url: str | None,
    webhook_content_type: str,
) -> None:
    await database.fetch(
        """UPDATE merchants
           SET webhook_url = $2, test_webhook_url = $3, webhook_content_type = $4
           WHERE merchant_id = $1""",
        merchant_id,
        webhook_url,
        test_webhook_url,
        webhook_content_type,
    )


async def set_extended_events(database: Database, merchant_id: int, *, is_on: bool) -> None:
    await database.fetch(
        "UPDATE merchants SET extended_events = $2 WHERE merchant_id = $1", merchant_id, is_on
    )


async def set_retry_days(database: Database, merchant_id: int, days: Sequence[int]) -> None:
    await database.fetch(
        "UPDATE merchants SET retry_days = $2 WHERE merchant_id = $1", merchant_id, list(days)
    )


async def find_clock_offset(connection: Connection | Database, merchant_id: int) -> timedelta:
    """Return how far the merchant's clock is ahead of the machine's."""
    row = await connection.fetchrow(
        "SELECT clock_offset_s FROM merchants WHERE merchant_id = $1", merchant_id
    )
    assert row is not None, f"merchant {merchant_id} is gone"
    return timedelta(seconds=row["clock_offset_s"])


async def has_extended_events(database: Database, merchant_id: int) -> bool:
    row = await database.fetchrow(
        "SELECT extended_events FROM merchants WHERE merchant_id = $1", merchant_id
    )
    return row is not None and bool(row["extended_events"])


async def api_keys(database: Database, merchant_id: int, now: datetime) -> list[ApiKeySummary]:
    """Return the active keys, newest first."""
    rows = await database.fetch(
        """SELECT api_key, created_at, expires_at, used_at FROM api_keys
           WHERE merchant_id = $1 AND (expires_at IS NULL OR expires_at > $2)
           ORDER BY created_at DESC""",
        merchant_id,
        now,
    )
    return [ApiKeySummary(**row) for row in rows]


def _merchant(row: Row | None) -> Merchant | None:
    return None if row is None else Merchant(**row)

"""SQL of signing secrets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Database


@dataclass(frozen=True, slots=True)
class SecretRow:
    merchant_id: int
    secret_id: str
    sealed: bytes
    expires_at: datetime | None


async def active_secrets_any_merchant(
    database: Database, merchant_ids: Collection[int], now: datetime
) -> list[SecretRow]:
    """Newest first."""
    rows = await database.fetch(
        """SELECT merchant_id, secret_id, sealed, expires_at FROM webhook_secrets
           WHERE merchant_id = ANY($1::bigint[]) AND (expires_at IS NULL OR expires_at > $2)
           ORDER BY merchant_id, created_at DESC, secret_id DESC""",
        list(merchant_ids),
        now,
    )
    return [SecretRow(**row) for row in rows]


async def insert_secret(
    database: Database, merchant_id: int, *, secret_id: str, sealed: bytes, now: datetime
) -> None:
    """Of two made at once the first one stays."""
    await database.fetch(
        """INSERT INTO webhook_secrets (merchant_id, secret_id, sealed, created_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (merchant_id) WHERE expires_at IS NULL DO NOTHING""",
        merchant_id,
        secret_id,
        sealed,
        now,
    )


async def end_newest_secret(database: Database, merchant_id: int, *, expires_at: datetime) -> None:
    await database.fetch(
        """UPDATE webhook_secrets SET expires_at = $2
           WHERE merchant_id = $1 AND expires_at IS NULL""",
        merchant_id,
        expires_at,
    )

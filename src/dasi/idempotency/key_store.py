"""SQL of idempotent requests."""

import json
from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Connection, Database


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    fingerprint: dict[str, str]
    started_at: datetime
    http_status: int | None
    sealed_response: bytes | None


async def insert(
    connection: Connection, merchant_id: int, key: str, fingerprint: dict[str, str], now: datetime
) -> bool:
    """Insert a key. Return False if it was used before, after a wait for a concurrent insert."""
    row = await connection.fetchrow(
        """INSERT INTO idempotent_requests (merchant_id, idempotency_key, fingerprint, started_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING RETURNING idempotency_key""",
        merchant_id,
        key,
        json.dumps(fingerprint),
        now,
    )
    return row is not None


async def record_for_update(
    connection: Connection, merchant_id: int, key: str
) -> IdempotencyRecord:
    row = await connection.fetchrow(
        """SELECT fingerprint, started_at, http_status, sealed_response FROM idempotent_requests
           WHERE merchant_id = $1 AND idempotency_key = $2 FOR UPDATE""",
        merchant_id,
        key,
    )
    assert row is not None, "an idempotency key is never deleted"
    return IdempotencyRecord(**{**row, "fingerprint": json.loads(row["fingerprint"])})


async def restart(connection: Connection, merchant_id: int, key: str, now: datetime) -> None:
    await connection.execute(
        """UPDATE idempotent_requests SET started_at = $3
           WHERE merchant_id = $1 AND idempotency_key = $2""",
        merchant_id,
        key,
        now,
    )


async def forget_old_responses_any_merchant(
    connection: Connection, *, before: datetime, batch: int
) -> int:
    """Remove old responses and return how many. The key and the hashes of its fields stay."""
    rows = await connection.fetch(
        """WITH due AS MATERIALIZED (
               SELECT merchant_id, idempotency_key FROM idempotent_requests
               WHERE answered_at IS NOT NULL AND started_at < $1
               ORDER BY started_at LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           UPDATE idempotent_requests
           SET sealed_response = NULL, http_status = NULL, answered_at = NULL
           WHERE (merchant_id, idempotency_key) IN (SELECT merchant_id, idempotency_key FROM due)
           RETURNING 1""",
        before,
        batch,
    )
    return len(rows)


async def release(database: Database, merchant_id: int, key: str, started_at: datetime) -> None:
    await database.fetch(
        """UPDATE idempotent_requests SET started_at = $3
           WHERE merchant_id = $1 AND idempotency_key = $2 AND answered_at IS NULL""",
        merchant_id,
        key,
        started_at,
    )


async def store_response(
    database: Database,
    merchant_id: int,
    key: str,
    *,
    http_status: int,
    sealed_response: bytes,
    now: datetime,
) -> None:
    """Store the response unless there is one already."""
    await database.fetch(
        """UPDATE idempotent_requests
           SET answered_at = $5, http_status = $3, sealed_response = $4
           WHERE merchant_id = $1 AND idempotency_key = $2 AND answered_at IS NULL""",
        merchant_id,
        key,
        http_status,
        sealed_response,
        now,
    )

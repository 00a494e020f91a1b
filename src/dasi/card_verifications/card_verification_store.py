"""SQL of card verifications: each charged amount that must be refunded."""

from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class CardVerification:
    merchant_id: int
    merchant_uid: str
    lookups: int
    """With this one."""


async def insert_verification(
    database: Database,
    merchant_id: int,
    merchant_uid: str,
    *,
    next_lookup_at: datetime,
    now: datetime,
) -> None:
    """Insert a verification before its charge is sent, so that a crash cannot lose the refund."""
    await database.fetch(
        """INSERT INTO card_verifications (merchant_id, merchant_uid, next_lookup_at, began_at)
           VALUES ($1, $2, $3, $4)""",
        merchant_id,
        merchant_uid,
        next_lookup_at,
        now,
    )


async def delete_verification(database: Database, merchant_id: int, merchant_uid: str) -> None:
    """Delete a verification whose amount is refunded or was never charged."""
    await database.fetch(
        "DELETE FROM card_verifications WHERE merchant_id = $1 AND merchant_uid = $2",
        merchant_id,
        merchant_uid,
    )


async def give_up(database: Database, merchant_id: int, merchant_uid: str) -> None:
    """End the automatic lookups of a verification; an alarm has gone to the operator."""
    await database.fetch(
        """UPDATE card_verifications SET next_lookup_at = NULL
           WHERE merchant_id = $1 AND merchant_uid = $2""",
        merchant_id,
        merchant_uid,
    )


async def claim_due_any_merchant(
    database: Database, *, now: datetime, next_lookup_at: datetime, batch: int
) -> list[CardVerification]:
    """Claim up to `batch` verifications that are due. `next_lookup_at` is also their lease."""
    rows = await database.fetch(
        """WITH due AS MATERIALIZED (
               SELECT merchant_id, merchant_uid FROM card_verifications WHERE next_lookup_at <= $1
               ORDER BY next_lookup_at LIMIT $3 FOR UPDATE SKIP LOCKED
           )
           UPDATE card_verifications SET next_lookup_at = $2, lookups = lookups + 1
           WHERE (merchant_id, merchant_uid) IN (SELECT merchant_id, merchant_uid FROM due)
           RETURNING merchant_id, merchant_uid, lookups""",
        now,
        next_lookup_at,
        batch,
    )
    return [CardVerification(**row) for row in rows]

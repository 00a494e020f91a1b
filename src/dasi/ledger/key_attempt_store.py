"""SQL of attempts that register or delete a billing key."""

from datetime import datetime

from dasi.foundation.db import Connection
from dasi.ledger.attempt_store import state_after
from dasi.providers.port import Attempt, Declined, KeyDeleted, NotSent, Unknown
from dasi.request_ids import current_request_id


async def must_discard_key(connection: Connection, merchant_id: int, attempt_id: str) -> bool:
    """Tell whether the merchant removed the customer while this registration was unresolved."""
    must_discard: bool = await connection.fetchval(
        "SELECT discard_key FROM pg_attempts WHERE merchant_id = $1 AND attempt_id = $2",
        merchant_id,
        attempt_id,
    )
    return must_discard


async def discard_registrations(
    connection: Connection, merchant_id: int, customer_uid: str
) -> None:
    """Mark the customer's unresolved registrations: a key that they still bring is discarded."""
    await connection.execute(
        """UPDATE pg_attempts a SET discard_key = true FROM payments p
           WHERE a.merchant_id = $1 AND a.kind = 'issue_key' AND a.state IN ('sending', 'unknown')
             AND p.merchant_id = a.merchant_id AND p.imp_uid = a.imp_uid AND p.customer_uid = $2""",
        merchant_id,
        customer_uid,
    )


async def insert_deletion(
    connection: Connection,
    merchant_id: int,
    attempt: Attempt,
    *,
    billing_key_id: str,
    channel_id: int,
    pg_merchant_id: str,
    now: datetime,
) -> None:
    """Insert the `sending` attempt that deletes a billing key. It belongs to no payment."""
    await connection.execute(
        """INSERT INTO pg_attempts (merchant_id, attempt_id, billing_key_id, kind, channel_id,
                                    pg_merchant_id, business_date, amount_krw, state, sent_at,
                                    request_id)
           VALUES ($1, $2, $3, 'delete_key', $4, $5, $6, 0, 'sending', $7, $8)""",
        merchant_id,
        attempt.attempt_id,
        billing_key_id,
        channel_id,
        pg_merchant_id,
        attempt.business_date,
        now,
        current_request_id(),
    )


async def close_deletion(
    connection: Connection,
    merchant_id: int,
    attempt_id: str,
    outcome: KeyDeleted | Declined | Unknown | NotSent,
    *,
    now: datetime,
) -> None:
    """Record the outcome of an attempt that deletes a billing key."""
    await connection.execute(
        """UPDATE pg_attempts
           SET state = $3, detail = $4, pg_code = $5, pg_text = $6, answered_at = $7
           WHERE merchant_id = $1 AND attempt_id = $2""",
        merchant_id,
        attempt_id,
        state_after(outcome),
        getattr(outcome, "why", None),
        getattr(outcome, "code", None),
        getattr(outcome, "text", None),
        now,
    )

"""SQL of attempts that register or delete a billing key, or that met a replaced one."""

from datetime import datetime
from typing import Protocol

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.ledger import payment_store
from dasi.ledger.attempt_store import close_attempt, state_after
from dasi.ledger.payment import Payment
from dasi.providers.port import Attempt, Declined, KeyDeleted, NotSent, Unknown


class ReservedPayment(Protocol):
    """The fields that name a payment."""

    @property
    def merchant_id(self) -> int: ...
    @property
    def imp_uid(self) -> str: ...


KEY_REPLACED = "KEY_REPLACED"
"""`fail_code` of a charge that the PG declined for a replaced key; it goes on with the new one."""


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
                                    pg_merchant_id, business_date, amount_krw, state, sent_at)
           VALUES ($1, $2, $3, 'delete_key', $4, $5, $6, 0, 'sending', $7)""",
        merchant_id,
        attempt.attempt_id,
        billing_key_id,
        channel_id,
        pg_merchant_id,
        attempt.business_date,
        now,
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


async def fail_replaced(
    engine: Engine, reference: ReservedPayment, attempt: Attempt, declined: Declined
) -> Payment:
    """Fail the payment of a declined charge that goes on with the customer's new key; return it.

    No webhook is sent and the idempotency key is free, because the charge has not ended. A payment
    whose attempt was closed meanwhile stays as it is.
    """
    now, merchant_id = engine.clock.now(), reference.merchant_id
    async with engine.database.transaction() as connection:
        payment = await payment_store.payment_for_update(connection, merchant_id, reference.imp_uid)
        if not await close_attempt(connection, merchant_id, attempt.attempt_id, declined, now=now):
            return payment
        await connection.execute(
            """UPDATE pg_attempts SET idempotency_key = NULL
               WHERE merchant_id = $1 AND attempt_id = $2""",
            merchant_id,
            attempt.attempt_id,
        )
        failed = await payment_store.mark_failed(
            connection,
            payment,
            code=KEY_REPLACED,
            reason="그사이 다른 카드로 바뀌어 새 카드로 이어서 결제합니다.",
            now=now,
        )
        await payment_store.record_event(
            connection,
            failed,
            vault=engine.vault,
            event_type="declined",
            actor=payment.provider,
            created_at=now,
            detail="key_replaced",
            attempt_id=attempt.attempt_id,
            outcome=declined,
        )
    return failed

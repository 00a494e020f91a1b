"""A charge whose billing key was replaced while it was under way."""

from dasi.engine import Engine
from dasi.ledger import Payment, attempt_store, payment_store
from dasi.providers.port import Attempt, Declined

KEY_REPLACED = "KEY_REPLACED"
"""`fail_code` of a charge that the PG declined for a replaced key; it goes on with the new one."""


async def fail_replaced(
    engine: Engine, merchant_id: int, imp_uid: str, attempt: Attempt, declined: Declined
) -> Payment:
    """Fail the payment of a declined charge that goes on with the customer's new key; return it.

    No webhook is sent and the idempotency key is free, because the charge has not ended. A payment
    whose attempt was closed meanwhile stays as it is.
    """
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        payment = await payment_store.payment_for_update(connection, merchant_id, imp_uid)
        if not await attempt_store.close_attempt(
            connection, merchant_id, attempt.attempt_id, declined, now=now
        ):
            return payment
        await attempt_store.free_idempotency_key(connection, merchant_id, attempt.attempt_id)
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

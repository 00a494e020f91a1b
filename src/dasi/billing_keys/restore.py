"""Restore a replaced billing key while the PG still has it."""

from dasi.billing_keys import billing_key_store
from dasi.engine import Engine
from dasi.foundation.errors import Conflict


async def restore_key(
    engine: Engine, merchant_id: int, customer_uid: str, billing_key_id: str
) -> None:
    """Make a replaced key the customer's active one again; the present one becomes replaced.

    Charges and schedules use the restored key from now on. Raises
    `Conflict("key_not_restorable")` if the key is unknown or not replaced, or if its grace period
    is over, and `Conflict("customer_has_live_key")` for a test key beside a live one (M12).
    """
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        await billing_key_store.lock_customer(connection, merchant_id, customer_uid)
        present = await billing_key_store.active_key(connection, merchant_id, customer_uid)
        await billing_key_store.replace_active_key(connection, merchant_id, customer_uid, now=now)
        if not await billing_key_store.restore_replaced_key(
            connection, merchant_id, customer_uid, billing_key_id, now=now
        ):
            raise Conflict("key_not_restorable", customer_uid=customer_uid[:80])
        restored = await billing_key_store.active_key(connection, merchant_id, customer_uid)
        assert restored is not None, "it has just been restored"
        if restored.is_sandbox and present is not None and not present.is_sandbox:
            raise Conflict("customer_has_live_key", customer_uid=customer_uid[:80])

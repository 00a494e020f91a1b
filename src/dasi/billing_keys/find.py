"""Find a billing key and open it for a request to the PG."""

from collections.abc import Sequence

from dasi.billing_keys import billing_key_store
from dasi.billing_keys.billing_key import SEALED_KEYS, BillingKey, ChargedKey, SealedKey
from dasi.engine import Engine
from dasi.foundation.errors import NotFound


async def find_billing_key(
    engine: Engine, merchant_id: int, customer_uid: str, *, include_sandbox: bool = True
) -> BillingKey:
    """Return the active key of a customer. Raises `NotFound("unknown_billing_key")`."""
    async with engine.database.transaction() as connection:
        key = await billing_key_store.active_key(connection, merchant_id, customer_uid)
    if key is None or (key.is_sandbox and not include_sandbox):
        raise NotFound("unknown_billing_key", customer_uid=customer_uid[:80])
    return key


async def find_billing_keys(
    engine: Engine, merchant_id: int, customer_uids: Sequence[str], *, include_sandbox: bool = True
) -> list[BillingKey]:
    """Return the active keys of customers, in the order of `customer_uid`."""
    keys = await billing_key_store.active_keys(engine.database, merchant_id, customer_uids)
    return [key for key in keys if include_sandbox or not key.is_sandbox]


async def is_replaced(engine: Engine, key: ChargedKey) -> bool:
    """Return whether the customer has another active key by now."""
    async with engine.database.transaction() as connection:
        active = await billing_key_store.active_key(connection, key.merchant_id, key.customer_uid)
    return active is not None and active.billing_key_id != key.billing_key_id


def open_key(engine: Engine, key: SealedKey) -> str:
    """Unseal the PG's key for one request. Never log, store or return it."""
    return SEALED_KEYS.open(
        engine.vault,
        key.sealed_key,
        merchant_id=key.merchant_id,
        billing_key_id=key.billing_key_id,
        customer_uid=key.customer_uid,
    )

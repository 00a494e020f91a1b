"""Find a billing key, and open it for a call."""

from collections.abc import Collection, Sequence

from dasi.billing_keys import billing_key_store
from dasi.billing_keys.billing_key import SEALED_KEYS, BillingKey, SealedKey
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import NotFound


async def find_billing_key(engine: Engine, merchant_id: int, customer_uid: str) -> BillingKey:
    """The active key of a customer. `NotFound("unknown_billing_key")` if there is none."""
    async with engine.database.transaction() as connection:
        key = await billing_key_store.active_key(connection, merchant_id, customer_uid)
    if key is None:
        raise NotFound("unknown_billing_key", customer_uid=customer_uid[:80])
    return key


async def find_billing_keys(
    engine: Engine, merchant_id: int, customer_uids: Sequence[str]
) -> list[BillingKey]:
    """The active keys of these customers, as many as there are, by `customer_uid`."""
    return await billing_key_store.active_keys(engine.database, merchant_id, customer_uids)


async def active_key(
    connection: Connection, merchant_id: int, customer_uid: str
) -> BillingKey | None:
    """The same inside the caller's transaction; None if there is none."""
    return await billing_key_store.active_key(connection, merchant_id, customer_uid)


async def key_channels(
    connection: Connection, merchant_id: int, customer_uids: Collection[str]
) -> dict[str, int]:
    """The channel of each customer's newest key, also of one that is out of use by now."""
    return await billing_key_store.key_channels(connection, merchant_id, customer_uids)


def open_key(engine: Engine, key: SealedKey) -> str:
    """The PG's key, for the length of a call. Never log, store or return it."""
    return SEALED_KEYS.open(
        engine.vault, key.sealed_key, merchant_id=key.merchant_id, customer_uid=key.customer_uid
    )

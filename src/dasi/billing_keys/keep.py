"""Keep a key the PG has issued, in the transaction that records the issue."""

from datetime import datetime

from dasi.billing_keys import store
from dasi.billing_keys.billing_key import Customer, bound_to
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.ids import ulid
from dasi.providers.port import KeyIssued


async def keep_issued_key(
    engine: Engine,
    connection: Connection,
    merchant_id: int,
    *,
    customer_uid: str,
    channel_id: int,
    issued: KeyIssued,
    order_name: str,
    customer: Customer,
    now: datetime,
) -> str:
    """Stores the key and makes it the customer's live one; returns its id.

    An older live key becomes `replaced` in the same act (B1). Its sealed value stays, because
    only the key itself can remove it at the PG.
    """
    billing_key_id = f"bk_{ulid(now)}"
    await store.replace_live_key(connection, merchant_id, customer_uid, now)
    await store.insert_key(
        connection,
        merchant_id,
        billing_key_id=billing_key_id,
        customer_uid=customer_uid,
        channel_id=channel_id,
        sealed_key=engine.vault.seal(
            issued.billing_key, bound_to=bound_to(merchant_id, customer_uid)
        ),
        card=issued.card,
        order_name=order_name,
        customer=customer,
        now=now,
    )
    return billing_key_id

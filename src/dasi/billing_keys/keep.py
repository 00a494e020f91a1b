"""Keep a key the PG has issued, in the transaction that records the issue."""

from datetime import datetime

from dasi.billing_keys import store
from dasi.billing_keys.billing_key import Customer, bound_to
from dasi.billing_keys.find import open_key
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

    An older live key becomes `replaced` in the same act (B1), and its end at the PG is due. Its
    sealed value stays until then, because only the key itself can end it. A PG that gives the same
    key for the same card again must not be asked to end it.
    """
    billing_key_id = f"bk_{ulid(now)}"
    older = await store.live_key(connection, merchant_id, customer_uid)
    is_same = older is not None and open_key(engine, older) == issued.billing_key
    await store.replace_live_key(
        connection, merchant_id, customer_uid, remove_at=None if is_same else now, now=now
    )
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

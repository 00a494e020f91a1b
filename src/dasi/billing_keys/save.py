"""Save a key that the PG issued, in the transaction that records the issue."""

from datetime import datetime

from dasi.billing_keys import billing_key_store
from dasi.billing_keys.billing_key import SEALED_KEYS, Customer, KeyStatus
from dasi.engine import Engine
from dasi.events import enqueue_extended_event
from dasi.foundation.db import Connection
from dasi.foundation.ids import ulid
from dasi.providers.port import KeyIssued


async def save_issued_key(
    engine: Engine,
    connection: Connection,
    merchant_id: int,
    *,
    customer_uid: str,
    channel_id: int,
    issued: KeyIssued,
    order_name: str,
    customer: Customer,
    discard_key: bool = False,
    now: datetime,
) -> str:
    """Save the key as the customer's active one and return its id.

    An older active key becomes `replaced` in the same transaction (B1), and its deletion at the PG
    is due after the merchant's grace period. Its sealed value stays until then, because the
    deletion needs it and because it may be restored (`restore_key`).

    A key of an unresolved registration may arrive after a newer key. The newer key then stays
    active and the late one is saved as `replaced`. So is a test key beside a live one: a live key
    replaces a test key, never the other way round (M12). `discard_key` saves it as
    `deleted`, because the customer's key was deleted meanwhile.
    """
    billing_key_id = f"bk_{ulid(now)}"
    await billing_key_store.lock_card(connection, issued.card.number_masked)
    await billing_key_store.lock_customer(connection, merchant_id, customer_uid)
    active = await billing_key_store.active_key(connection, merchant_id, customer_uid)
    is_live = not await billing_key_store.is_test_channel(connection, merchant_id, channel_id)
    is_first = active is None or (
        (not active.is_sandbox, active.issued_at) <= (is_live, issued.issued_at)
    )
    status: KeyStatus = "deleted" if discard_key else "active" if is_first else "replaced"
    if status == "active":
        await billing_key_store.replace_active_key(connection, merchant_id, customer_uid, now=now)
    await billing_key_store.insert_key(
        connection,
        merchant_id,
        billing_key_id=billing_key_id,
        customer_uid=customer_uid,
        channel_id=channel_id,
        sealed_key=SEALED_KEYS.seal(
            engine.vault,
            issued.billing_key,
            merchant_id=merchant_id,
            billing_key_id=billing_key_id,
            customer_uid=customer_uid,
        ),
        status=status,
        card=issued.card,
        order_name=order_name,
        customer=customer,
        issued_at=issued.issued_at,
        now=now,
    )
    await enqueue_extended_event(
        connection,
        merchant_id,
        kind="billing_key.issued",
        resource_id=billing_key_id,
        channel_id=channel_id,
        version=1,
        body={"customer_uid": customer_uid, "status": "issued"},
        now=now,
    )
    if status == "deleted":
        await announce_deleted(
            connection, merchant_id, customer_uid, billing_key_id, channel_id=channel_id, now=now
        )
    return billing_key_id


async def announce_deleted(
    connection: Connection,
    merchant_id: int,
    customer_uid: str,
    billing_key_id: str,
    *,
    channel_id: int,
    now: datetime,
) -> None:
    await enqueue_extended_event(
        connection,
        merchant_id,
        kind="billing_key.deleted",
        resource_id=billing_key_id,
        channel_id=channel_id,
        version=2,
        body={"customer_uid": customer_uid, "status": "deleted"},
        now=now,
    )

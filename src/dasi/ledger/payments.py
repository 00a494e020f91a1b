"""Find one payment, and why an order cannot be paid; the unique index decides first (M1)."""

from typing import Literal

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, NotFound
from dasi.ledger import payment_store
from dasi.ledger.payment import Payment, Status


async def find_payment(engine: Engine, merchant_id: int, imp_uid: str) -> Payment:
    """Find a payment; `NotFound("unknown_payment")` if the merchant has no such payment."""
    payment = await payment_store.payment(engine.database, merchant_id, imp_uid)
    if payment is None:
        raise NotFound("unknown_payment", imp_uid=imp_uid[:40])
    return payment


async def ensure_order_available(
    connection: Connection,
    merchant_id: int,
    merchant_uid: str,
    *,
    purpose: Literal["payment", "key_issue"] = "payment",
) -> None:
    """Raise `Conflict` if a payment of this purpose holds the order; return if it is free.

    `order_already_paid`: paid, or paid and cancelled. `order_in_doubt`: a request was sent and its
    outcome is not known yet. A card registration takes its `merchant_uid` as an order does.
    """
    is_key = purpose == "key_issue"
    find = payment_store.key_issue_holder if is_key else payment_store.order_holder
    holder = await find(connection, merchant_id, merchant_uid)
    if holder is None:
        return
    imp_uid, status = holder
    reason = "order_in_doubt" if status is Status.PENDING else "order_already_paid"
    raise Conflict(reason, merchant_uid=merchant_uid, imp_uid=imp_uid)

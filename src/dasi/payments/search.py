"""Find payments. Every search is one merchant's."""

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.payments import store
from dasi.payments.payment import Payment, Status


async def find_payment(engine: Engine, merchant_id: int, imp_uid: str) -> Payment:
    """`NotFound("unknown_payment")` if this merchant has no such payment."""
    payment = await store.payment(engine.database, merchant_id, imp_uid)
    if payment is None:
        raise NotFound("unknown_payment", imp_uid=imp_uid[:40])
    return payment


async def find_by_order(
    engine: Engine, merchant_id: int, merchant_uid: str, *, statuses: frozenset[Status]
) -> Payment:
    """The newest payment of an order in one of `statuses`; `NotFound("unknown_payment")`."""
    payment = await store.newest_of_order(engine.database, merchant_id, merchant_uid, statuses)
    if payment is None:
        raise NotFound("unknown_payment", merchant_uid=merchant_uid[:40])
    return payment

"""Register the amount of an order from the merchant's server, so that its page cannot change it."""

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, NotFound
from dasi.windows import expected_amount_store
from dasi.windows.expected_amount_store import ExpectedAmount


async def register_expected_amount(
    engine: Engine, merchant_id: int, expected_amount: ExpectedAmount
) -> ExpectedAmount:
    """Register the amount of an order, or replace the registered one, and return it."""
    return await expected_amount_store.upsert(
        engine.database, merchant_id, expected_amount, now=engine.clock.now()
    )


async def change_expected_amount(
    engine: Engine, merchant_id: int, expected_amount: ExpectedAmount
) -> ExpectedAmount:
    """Replace the registered amount and return it; `NotFound("unknown_prepare")` without one."""
    changed = await expected_amount_store.change(
        engine.database, merchant_id, expected_amount, now=engine.clock.now()
    )
    if changed is None:
        raise NotFound("unknown_prepare", merchant_uid=expected_amount.merchant_uid)
    return changed


async def find_expected_amount(
    engine: Engine, merchant_id: int, merchant_uid: str
) -> ExpectedAmount:
    """The registered amount of an order; `NotFound("unknown_prepare")` without one."""
    expected = await expected_amount_store.find(engine.database, merchant_id, merchant_uid)
    if expected is None:
        raise NotFound("unknown_prepare", merchant_uid=merchant_uid[:40])
    return expected


async def ensure_amount_matches(
    connection: Connection, merchant_id: int, merchant_uid: str, amount_krw: int
) -> None:
    """`Conflict("prepared_amount_differs")` if the order is registered with another amount."""
    expected = await expected_amount_store.amount_krw(connection, merchant_id, merchant_uid)
    if expected is not None and expected != amount_krw:
        raise Conflict(
            "prepared_amount_differs",
            merchant_uid=merchant_uid,
            expected_krw=expected,
            given_krw=amount_krw,
        )

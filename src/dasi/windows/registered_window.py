"""Register the amount of an order from the merchant's server, so that its page cannot change it."""

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, NotFound
from dasi.windows import registered_window_store
from dasi.windows.registered_window_store import RegisteredWindow


async def register_window(
    engine: Engine, merchant_id: int, registered_window: RegisteredWindow
) -> RegisteredWindow:
    """Register the amount of an order, or replace the registered one, and return it."""
    return await registered_window_store.upsert(
        engine.database, merchant_id, registered_window, now=engine.clock.now()
    )


async def change_registered_window(
    engine: Engine, merchant_id: int, registered_window: RegisteredWindow
) -> RegisteredWindow:
    """Replace the registered amount and return it; `NotFound("unknown_prepare")` without one."""
    changed = await registered_window_store.change(
        engine.database, merchant_id, registered_window, now=engine.clock.now()
    )
    if changed is None:
        raise NotFound("unknown_prepare", merchant_uid=registered_window.merchant_uid)
    return changed


async def find_registered_window(
    engine: Engine, merchant_id: int, merchant_uid: str
) -> RegisteredWindow:
    """The registered amount of an order; `NotFound("unknown_prepare")` without one."""
    expected = await registered_window_store.find(engine.database, merchant_id, merchant_uid)
    if expected is None:
        raise NotFound("unknown_prepare", merchant_uid=merchant_uid[:40])
    return expected


async def ensure_registered(
    connection: Connection, merchant_id: int, merchant_uid: str, amount_krw: int
) -> None:
    """`Conflict("prepared_amount_differs")` if the order is registered with another amount."""
    expected = await registered_window_store.amount_krw(connection, merchant_id, merchant_uid)
    if expected is not None and expected != amount_krw:
        raise Conflict(
            "prepared_amount_differs",
            merchant_uid=merchant_uid,
            expected_krw=expected,
            given_krw=amount_krw,
        )

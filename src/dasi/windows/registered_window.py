"""Register an order from the merchant's server, so that its page cannot choose other values."""

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, NotAllowed, NotFound
from dasi.windows import registered_window_store
from dasi.windows.registered_window_store import RegisteredWindow
from dasi.windows.window import OpenWindowRequest


async def register_window(
    engine: Engine, merchant_id: int, registered_window: RegisteredWindow
) -> RegisteredWindow:
    """Register the window of an order, or replace the registered one, and return it."""
    return await registered_window_store.upsert(
        engine.database, merchant_id, registered_window, now=engine.clock.now()
    )


async def change_registered_window(
    engine: Engine, merchant_id: int, registered_window: RegisteredWindow
) -> RegisteredWindow:
    """Replace a registered window and return it; `NotFound("unknown_prepare")` without one."""
    changed = await registered_window_store.change(
        engine.database, merchant_id, registered_window, now=engine.clock.now()
    )
    if changed is None:
        raise NotFound("unknown_prepare", merchant_uid=registered_window.merchant_uid)
    return changed


async def find_registered_window(
    engine: Engine, merchant_id: int, merchant_uid: str
) -> RegisteredWindow:
    """Return the registered window of an order; `NotFound("unknown_prepare")` without one."""
    expected = await registered_window_store.find(engine.database, merchant_id, merchant_uid)
    if expected is None:
        raise NotFound("unknown_prepare", merchant_uid=merchant_uid[:40])
    return expected


async def ensure_registered(
    connection: Connection, merchant_id: int, request: OpenWindowRequest, *, is_required: bool
) -> RegisteredWindow | None:
    """Return what the merchant's server registered for the order; None without a registration.

    Raises `NotAllowed("window_not_registered")` if one is required, and
    `Conflict("prepared_amount_differs")` or `Conflict("registered_value_differs")` if the page
    sends another value. Where a registration is required, one without a `customer_uid` is for a
    payment: a page must not make it a card registration of some customer.
    """
    registered = await registered_window_store.lock(connection, merchant_id, request.merchant_uid)
    if registered is None:
        if is_required:
            raise NotAllowed("window_not_registered", merchant_uid=request.merchant_uid)
        return None
    if registered.amount_krw != request.amount_krw:
        raise Conflict(
            "prepared_amount_differs",
            merchant_uid=request.merchant_uid,
            expected_krw=registered.amount_krw,
            given_krw=request.amount_krw,
        )
    if is_required or registered.customer_uid is not None:
        _ensure_same("customer_uid", registered.customer_uid, request.customer_uid)
    if registered.notice_urls:
        _ensure_same("notice_url", {*registered.notice_urls}, {*request.notice_urls})
    if registered.redirect_url is not None:
        _ensure_same("m_redirect_url", registered.redirect_url, request.redirect_url)
    if registered.confirm_url is not None:
        _ensure_same("confirm_url", registered.confirm_url, request.confirm_url)
    return registered


def _ensure_same(field: str, registered: object, requested: object) -> None:
    if registered != requested:
        raise Conflict("registered_value_differs", field=field)

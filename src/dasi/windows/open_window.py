"""Open a payment window, view it, close it, expire it. Only a return moves money, never these."""

import re
from datetime import datetime, timedelta

import structlog

from dasi.billing_keys import active_key
from dasi.channels import Channel, open_account, select_channel
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from dasi.foundation.ids import token, ulid
from dasi.ledger import (
    Payment,
    Status,
    ensure_order_available,
    payment_store,
)
from dasi.merchants import (
    Merchant,
)
from dasi.page_rules import PageRules, find_page_rules
from dasi.providers.port import Declined, Order, WindowOpened, WindowRequest
from dasi.recovery import ensure_not_stopped
from dasi.windows import registered_window_store, window_store
from dasi.windows.registered_window import ensure_registered
from dasi.windows.return_address import check_return_addresses
from dasi.windows.window import OpenedWindow, OpenWindowRequest, Progress, WindowView
from dasi.windows.window_store import AttemptTiming

log = structlog.get_logger()

CLOSED_BY_PAYER = "PAYER_CLOSED"
WINDOW_EXPIRED = "WINDOW_EXPIRED"
_EXPIRE_BATCH = 200
_SHOWABLE_ORDER = re.compile(r"[A-Za-z0-9_-]{1,29}")
_RESULT_LIFE = timedelta(days=1)
_REQUEST_MAX = timedelta(seconds=40)
"""A request to the PG without an answer for so long has an unknown outcome."""
_INLINE_LOOKUP_MAX = timedelta(seconds=3)
"""The longest time that the lookup before the answer may take."""


class PgRefusedWindow(Refused):
    """The PG refused to open the window. The payment has failed with the PG's code and text."""

    def __init__(self, imp_uid: str, code: str, text: str) -> None:
        self.imp_uid = imp_uid
        self.code = code
        self.text = text
        super().__init__("pg_refused_window", imp_uid=imp_uid, code=code, text=text)


async def open_window(
    engine: Engine, merchant: Merchant, request: OpenWindowRequest
) -> OpenedWindow:
    """Open a window at the PG for one payment, or for one card if there is a `customer_uid`.

    Refused before anything is stored: `NotAllowed("no_channel")`,
    `NotAllowed("pg_not_configured")`, `NotAllowed("channel_disabled")`,
    `NotAllowed("public_url_on_loopback")` or `…not_https` for a live channel,
    `NotAllowed("test_channel_of_live_merchant")`, `Conflict("customer_has_live_key")`,
    `Conflict("order_already_paid")`, `Conflict("order_in_doubt")`,
    `Conflict("prepared_amount_differs")`, `Conflict("registered_value_differs")`,
    `NotAllowed("window_not_registered")`, `Invalid`.
    After that the payment has failed and the order is free: `PgRefusedWindow`, or `Unavailable`.
    """
    if request.customer_uid is None and request.amount_krw < 1:
        raise Invalid("amount", "won_in_window")
    channel = await select_channel(
        engine,
        merchant,
        pg=request.pg,
        channel_key=request.channel_key,
        is_registered=await _is_registered_for_test(engine, merchant, request.merchant_uid),
    )
    engine.readiness.ensure_clock_right()
    if not channel.is_sandbox:
        engine.ensure_public_url()
        engine.readiness.ensure_live_charges()
    rules = await find_page_rules(engine, merchant.merchant_id)
    now = engine.clock.now()
    window_token, pg_order_id = token(16), _pg_order_id(request.merchant_uid, now)
    async with engine.database.transaction() as connection:
        await ensure_not_stopped(connection)
        await _ensure_allowed(connection, merchant, rules, request)
        await _ensure_available(connection, merchant.merchant_id, request, channel)
        imp_uid = await window_store.insert_window(
            connection,
            merchant.merchant_id,
            request,
            vault=engine.vault,
            channel_id=channel.channel_id,
            window_token=window_token,
            pg_order_id=pg_order_id,
            now=now,
            expires_at=now + timedelta(seconds=engine.window_ttl_s),
        )
    return_url = f"{engine.public_url}/checkout/{merchant.code}/windows/{window_token}/return"
    opened = await engine.providers[channel.provider].open_window(
        open_account(engine, channel),
        _window_request(request, channel, pg_order_id=pg_order_id, return_url=return_url),
    )
    if isinstance(opened, WindowOpened):
        await window_store.mark_window_open(
            engine.database, merchant.merchant_id, window_token, opened.url
        )
        return OpenedWindow(
            window_token=window_token,
            imp_uid=imp_uid,
            merchant_uid=request.merchant_uid,
            window_url=opened.url,
        )
    if isinstance(opened, Declined):
        code, reason = opened.code, opened.text
    else:
        code, reason = "PG_UNREACHABLE", opened.why
    await _end_window(
        engine, merchant.merchant_id, window_token, code=code, reason=reason, actor="gateway"
    )
    if isinstance(opened, Declined):
        raise PgRefusedWindow(imp_uid, opened.code, opened.text)
    raise Unavailable("the payment company", retry_after_s=10)


def _pg_order_id(merchant_uid: str, now: datetime) -> str:
    """A new order number at the PG, which shows the merchant's order where KICC's rule allows it.

    KICC may refuse a repeated order number, and an order may have several windows.
    """
    if _SHOWABLE_ORDER.fullmatch(merchant_uid):
        return f"{merchant_uid}-{token(5)}"
    return f"wo-{ulid(now)}"


def _window_request(
    request: OpenWindowRequest, channel: Channel, *, pg_order_id: str, return_url: str
) -> WindowRequest:
    return WindowRequest(
        order=_order(request, pg_order_id),
        is_key_window=request.customer_uid is not None,
        device=request.device,
        return_url=return_url,
        language=request.language,
        app_scheme=request.app_scheme,
        quotas_offered=(
            channel.quotas_offered(request.amount_krw)
            if request.quotas_offered is None
            else request.quotas_offered
        ),
        cards_offered=request.cards_offered,
    )


def _order(request: OpenWindowRequest, pg_order_id: str) -> Order:
    return Order(
        pg_order_id=pg_order_id,
        amount_krw=request.amount_krw,
        goods_name=request.name,
        buyer_id=request.customer_id,
        buyer_name=request.buyer.name,
        buyer_email=request.buyer.email,
        buyer_tel=request.buyer.tel,
        tax_free_krw=request.tax_free_krw,
    )


async def _ensure_allowed(
    connection: Connection, merchant: Merchant, rules: PageRules, request: OpenWindowRequest
) -> None:
    """Refuse what a page must not decide (A4)."""
    registered = await ensure_registered(
        connection,
        merchant.merchant_id,
        request,
        is_required=rules.requires_registered_windows,
    )
    registered_url = registered.redirect_url if registered else None
    check_return_addresses(merchant, rules, request, registered_url=registered_url)


async def _ensure_available(
    connection: Connection, merchant_id: int, request: OpenWindowRequest, channel: Channel
) -> None:
    await ensure_order_available(
        connection,
        merchant_id,
        request.merchant_uid,
        purpose="payment" if request.customer_uid is None else "key_issue",
    )
    if request.customer_uid is not None:
        key = await active_key(connection, merchant_id, request.customer_uid)
        if key is not None and channel.is_sandbox and not key.is_sandbox:
            raise Conflict("customer_has_live_key", customer_uid=request.customer_uid)


async def _is_registered_for_test(engine: Engine, merchant: Merchant, merchant_uid: str) -> bool:
    if not merchant.is_live:
        return False
    registered = await registered_window_store.find(
        engine.database, merchant.merchant_id, merchant_uid
    )
    return registered is not None and registered.allows_sandbox


async def view_window(engine: Engine, merchant: Merchant, window_token: str) -> WindowView:
    """Return the window and its payment as they are now. `NotFound("window_not_found")`.

    A result names its buyer, so it is not found from a day after the window's end.
    """
    row = await window_store.find_window(engine.database, merchant.merchant_id, window_token)
    if row is None or engine.clock.now() > row[0].expires_at + _RESULT_LIFE:
        raise NotFound("window_not_found")
    window, payment, timing = row
    progress: Progress = "done"
    if payment.status is Status.READY:
        # The payer is back, and the merchant has yet to confirm the payment.
        progress = "processing" if window.state == "confirming" else "open"
    elif payment.status is Status.PENDING:
        progress = "processing" if _is_processing(engine, timing) else "unknown"
    return window.view(payment, progress)


def _is_processing(engine: Engine, timing: AttemptTiming | None) -> bool:
    """Whether a request to the PG, or the inline lookup of a lost answer, is under way."""
    if timing is None:
        return False
    now = engine.clock.now()
    if timing.unknown_at is None:
        return now - timing.sent_at < _REQUEST_MAX
    if engine.inline_lookup_delay_s <= 0:
        return False
    return (
        now - timing.unknown_at
        < timedelta(seconds=engine.inline_lookup_delay_s) + _INLINE_LOOKUP_MAX
    )


async def close_window(engine: Engine, merchant: Merchant, window_token: str) -> WindowView:
    """Close an open window for the payer and return it. After a return nothing changes."""
    await _end_window(
        engine,
        merchant.merchant_id,
        window_token,
        code=CLOSED_BY_PAYER,
        reason="사용자가 결제창을 닫았습니다",
        actor="payer",
    )
    return await view_window(engine, merchant, window_token)


async def expire_windows(engine: Engine) -> int:
    """Fail the payments of expired windows and return how many. Sends nothing to the PG.

    A payer who only closes the browser sends nothing, so age alone ends such a window.
    """
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        payments = await window_store.close_expired_windows_any_merchant(
            connection, now=now, batch=_EXPIRE_BATCH
        )
        for payment in payments:
            failed = await payment_store.mark_failed(
                connection,
                payment,
                code=WINDOW_EXPIRED,
                reason="결제창에서 돌아오지 않아 만료되었습니다",
                now=now,
            )
            await payment_store.record_event(
                connection,
                failed,
                vault=engine.vault,
                event_type="window_expired",
                actor="gateway",
                created_at=now,
            )
    return len(payments)


async def delete_abandoned_windows(engine: Engine, *, older_than: timedelta, batch: int) -> int:
    """Delete a batch of old windows without a return, and return how many.

    Their payments stay: the ledger is append-only (M9), and an order's `failed` payment can be read
    under its `imp_uid` for ever. A window whose payment has an attempt stays too.
    """
    async with engine.database.housekeeping() as connection:
        return await window_store.delete_closed_windows_any_merchant(
            connection, before=engine.clock.now() - older_than, batch=batch
        )


async def delete_old_windows(engine: Engine, *, older_than: timedelta, batch: int) -> int:
    """Delete a batch of old windows whose payment has ended, and return how many.

    A payer's page can read a result for a day. Payment, attempts and events stay.
    """
    async with engine.database.housekeeping() as connection:
        return await window_store.delete_ended_windows_any_merchant(
            connection, before=engine.clock.now() - older_than, batch=batch
        )


async def _end_window(
    engine: Engine, merchant_id: int, window_token: str, *, code: str, reason: str, actor: str
) -> Payment | None:
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        imp_uid = await window_store.close_open_window(connection, merchant_id, window_token)
        if imp_uid is None:
            return None
        payment = await payment_store.payment_for_update(connection, merchant_id, imp_uid)
        failed = await payment_store.mark_failed(
            connection, payment, code=code, reason=reason, now=now
        )
        await payment_store.record_event(
            connection,
            failed,
            vault=engine.vault,
            event_type="window_closed",
            actor=actor,
            created_at=now,
            detail=f"{code}: {reason}",
        )
    return failed

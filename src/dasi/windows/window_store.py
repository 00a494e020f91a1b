"""The rows of payment windows, and their SQL."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dasi.foundation.db import Connection, Database
from dasi.foundation.vault import Vault
from dasi.ledger import (
    PAYMENT_COLUMNS,
    PAYMENT_SOURCE,
    ChargeDetails,
    Payment,
    payment_store,
    to_payment,
)
from dasi.payment_events import new_event
from dasi.providers.port import WindowReturn
from dasi.windows.window import OpenWindowRequest, Progress, WindowState, WindowView

_WINDOW_COLUMNS = """
            w.merchant_id, w.imp_uid, w.channel_id, w.pg_order_id, w.state,
            w.device, w.redirect_url, w.page_origin, w.customer_id, w.return_code, w.return_text,
            w.expires_at, w.confirm_url, w.is_custom_data_text"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWindow:
    merchant_id: int
    window_token: str
    imp_uid: str
    channel_id: int
    pg_order_id: str
    state: WindowState
    device: Literal["pc", "mobile"]
    redirect_url: str | None
    page_origin: str | None
    customer_id: str | None
    return_code: str | None
    return_text: str | None
    expires_at: datetime
    confirm_url: str | None
    is_custom_data_text: bool

    def view(self, payment: Payment, progress: Progress) -> WindowView:
        return WindowView(
            window_token=self.window_token,
            state=self.state,
            device=self.device,
            redirect_url=self.redirect_url,
            page_origin=self.page_origin,
            is_custom_data_text=self.is_custom_data_text,
            return_code=self.return_code,
            return_text=self.return_text,
            payment=payment,
            progress=progress,
        )


@dataclass(frozen=True, slots=True)
class AttemptTiming:
    sent_at: datetime
    unknown_at: datetime | None
    """When the answer was lost; None while dasi waits for it."""


async def find_window(
    database: Database, merchant_id: int, window_token: str
) -> tuple[PaymentWindow, Payment, AttemptTiming | None] | None:
    """The window, its payment, and the timing of its unresolved attempt, if there is one."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(
            f"""SELECT {_WINDOW_COLUMNS} FROM payment_windows w
                WHERE w.merchant_id = $1 AND w.window_hash = $2""",
            merchant_id,
            _hash(window_token),
        )
        if row is None:
            return None
        window = PaymentWindow(window_token=window_token, **row)
        payment = await connection.fetchrow(
            f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
                WHERE p.merchant_id = $1 AND p.imp_uid = $2""",
            merchant_id,
            window.imp_uid,
        )
        attempt = await connection.fetchrow(
            """SELECT sent_at, answered_at FROM pg_attempts
               WHERE merchant_id = $1 AND imp_uid = $2 AND kind <> 'cancel'
                 AND state IN ('sending', 'unknown')""",
            merchant_id,
            window.imp_uid,
        )
    timing = AttemptTiming(attempt["sent_at"], attempt["answered_at"]) if attempt else None
    return window, to_payment(payment), timing


async def insert_window(
    connection: Connection,
    merchant_id: int,
    request: OpenWindowRequest,
    *,
    vault: Vault,
    channel_id: int,
    window_token: str,
    pg_order_id: str,
    now: datetime,
    expires_at: datetime,
) -> str:
    """Insert the payment as `ready`, its window as `opening` and the first event; the imp_uid."""
    payment = await payment_store.insert_ready_payment(
        connection,
        merchant_id,
        ChargeDetails(
            merchant_uid=request.merchant_uid,
            amount_krw=request.amount_krw,
            name=request.name,
            buyer=request.buyer,
            tax_free_krw=request.tax_free_krw,
            custom_data=request.custom_data,
            notice_urls=request.notice_urls,
        ),
        source=request.device,
        channel_id=channel_id,
        customer_uid=request.customer_uid,
        user_agent=request.user_agent,
        now=now,
    )
    event = new_event(
        vault.mac_keys,
        payment.facts,
        event_type="window_requested",
        actor="payer",
        created_at=now,
    )
    await connection.execute(
        """WITH new_window AS (
               INSERT INTO payment_windows (merchant_id, window_hash, imp_uid, channel_id,
                                          pg_order_id, state, device, redirect_url, page_origin,
                                          customer_id, opened_at, expires_at, confirm_url,
                                          is_custom_data_text)
               VALUES ($1, $2, $3, $4, $5, 'opening', $6, $7, $8, $9, $10, $11, $12, $13)
           )
           SELECT record_payment_event($14::json)""",
        merchant_id,
        _hash(window_token),
        payment.imp_uid,
        channel_id,
        pg_order_id,
        request.device,
        request.redirect_url,
        request.page_origin,
        request.customer_id,
        now,
        expires_at,
        request.confirm_url,
        request.is_custom_data_text,
        event.to_json(),
    )
    return payment.imp_uid


async def mark_window_open(
    database: Database, merchant_id: int, window_token: str, window_url: str
) -> None:
    await database.fetch(
        """UPDATE payment_windows SET state = 'open', window_url = $3
           WHERE merchant_id = $1 AND window_hash = $2 AND state = 'opening'""",
        merchant_id,
        _hash(window_token),
        window_url,
    )


async def claim_window(
    connection: Connection,
    merchant_id: int,
    window_token: str,
    returned: WindowReturn,
    *,
    state: Literal["open", "confirming"],
    now: datetime,
) -> str | None:
    """`state` -> returned, once. The imp_uid; None after another return or after the expiry."""
    imp_uid: str | None = await connection.fetchval(
        """UPDATE payment_windows
           SET state = 'returned', return_code = $3, return_text = $4
           WHERE merchant_id = $1 AND window_hash = $2 AND state = $6 AND expires_at > $5
           RETURNING imp_uid""",
        merchant_id,
        _hash(window_token),
        returned.code,
        returned.text,
        now,
        state,
    )
    return imp_uid


async def begin_confirming(
    connection: Connection,
    merchant_id: int,
    window_token: str,
    *,
    now: datetime,
    until: datetime,
) -> str | None:
    """open -> confirming, once, until `until`. The imp_uid; None as in `claim_window`."""
    imp_uid: str | None = await connection.fetchval(
        """UPDATE payment_windows SET state = 'confirming', expires_at = $4
           WHERE merchant_id = $1 AND window_hash = $2 AND state = 'open' AND expires_at > $3
           RETURNING imp_uid""",
        merchant_id,
        _hash(window_token),
        now,
        until,
    )
    return imp_uid


async def close_open_window(
    connection: Connection, merchant_id: int, window_token: str
) -> str | None:
    """opening or open -> closed. The imp_uid, or None if it was neither."""
    imp_uid: str | None = await connection.fetchval(
        """UPDATE payment_windows SET state = 'closed'
           WHERE merchant_id = $1 AND window_hash = $2 AND state IN ('opening', 'open')
           RETURNING imp_uid""",
        merchant_id,
        _hash(window_token),
    )
    return imp_uid


async def close_expired_windows_any_merchant(
    connection: Connection, *, now: datetime, batch: int
) -> list[Payment]:
    """Close expired windows and return their payments, locked, still `ready`."""
    rows = await connection.fetch(
        f"""WITH due AS MATERIALIZED (
                SELECT merchant_id, window_hash FROM payment_windows
                WHERE state IN ('opening', 'open', 'confirming') AND expires_at <= $1
                ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
            ), expired AS (
                UPDATE payment_windows SET state = 'closed'
                WHERE (merchant_id, window_hash) IN (SELECT merchant_id, window_hash FROM due)
                RETURNING merchant_id, imp_uid
            )
            SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            JOIN expired e ON e.merchant_id = p.merchant_id AND e.imp_uid = p.imp_uid
            WHERE p.status = 'ready' FOR UPDATE OF p""",
        now,
        batch,
    )
    return [to_payment(row) for row in rows]


async def delete_closed_windows_any_merchant(
    connection: Connection, *, before: datetime, batch: int
) -> int:
    """Delete closed windows that opened before a time, none with an attempt; return how many."""
    rows = await connection.fetch(
        """WITH due AS MATERIALIZED (
               SELECT merchant_id, window_hash FROM payment_windows w
               WHERE state = 'closed' AND opened_at < $1
                 AND NOT EXISTS (SELECT FROM pg_attempts a
                                 WHERE a.merchant_id = w.merchant_id AND a.imp_uid = w.imp_uid)
               ORDER BY opened_at LIMIT $2 FOR UPDATE SKIP LOCKED
           )
           DELETE FROM payment_windows
           WHERE (merchant_id, window_hash) IN (SELECT merchant_id, window_hash FROM due)
           RETURNING 1""",
        before,
        batch,
    )
    return len(rows)


async def delete_ended_windows_any_merchant(
    connection: Connection, *, before: datetime, batch: int
) -> int:
    """Delete windows that opened before a time and whose payment has ended; return how many.

    All windows of a payment go together: one that is left would contradict the others' attempts.
    """
    rows = await connection.fetch(
        """WITH old AS MATERIALIZED (
               SELECT w.merchant_id, w.imp_uid FROM payment_windows w
               JOIN payments p USING (merchant_id, imp_uid)
               WHERE w.state IN ('closed', 'returned') AND w.opened_at < $1
                 AND p.status NOT IN ('ready', 'pending')
                 AND NOT EXISTS (
                     SELECT 1 FROM payment_windows newer
                     WHERE newer.merchant_id = w.merchant_id AND newer.imp_uid = w.imp_uid
                       AND (newer.opened_at >= $1 OR newer.state NOT IN ('closed', 'returned')))
               ORDER BY w.opened_at LIMIT $2 FOR UPDATE OF w SKIP LOCKED
           )
           DELETE FROM payment_windows w USING old
           WHERE w.merchant_id = old.merchant_id AND w.imp_uid = old.imp_uid
           RETURNING 1""",
        before,
        batch,
    )
    return len(rows)


def _hash(window_token: str) -> bytes:
    """Return what the database holds in place of a token."""
    return hashlib.sha256(window_token.encode()).digest()

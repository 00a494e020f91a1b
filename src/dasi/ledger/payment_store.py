"""SQL of payments and their events. Attempts are in `attempt_store`."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import asyncpg

from dasi.foundation.db import Connection, Database, Row
from dasi.foundation.errors import Unavailable
from dasi.foundation.vault import Vault
from dasi.ledger.payment import Buyer, Cancellation, ChargeDetails, PaidCard, Payment, Status
from dasi.payment_events import new_event
from dasi.providers.port import Card, KeyIssued

PAYMENT_COLUMNS = """
    p.merchant_id, p.imp_uid, p.merchant_uid, p.purpose, p.status, p.amount_krw, p.cancelled_krw,
    p.tax_free_krw, p.cancelled_tax_free_krw,
    p.source, c.provider, c.pg_merchant_id, c.is_sandbox, p.name, p.buyer_name, p.buyer_email,
    p.buyer_tel,
    p.buyer_addr, p.buyer_postcode, p.customer_uid, p.custom_data, p.notice_urls, p.user_agent,
    p.pg_tid, p.approval_no, p.card_brand, p.card_name, p.card_issuer_code, p.card_number,
    p.card_kind, p.card_quota, p.receipt_url, p.fail_code, p.fail_reason, p.started_at, p.paid_at,
    p.failed_at, p.cancelled_at, p.version, p.channel_id, p.is_scheduled, p.can_cancel_in_part,
    CASE WHEN p.cancelled_krw > 0 THEN (
        SELECT jsonb_agg(jsonb_build_object(
            'cancellation_id', a.attempt_id, 'cancel_tid', a.pg_tid, 'amount_krw', a.amount_krw,
            'reason', a.reason, 'cancelled_at', a.answered_at, 'receipt_url', a.receipt_url)
            ORDER BY a.answered_at, a.attempt_id)
        FROM pg_attempts a
        WHERE a.merchant_id = p.merchant_id AND a.imp_uid = p.imp_uid AND a.kind = 'cancel'
          AND a.state = 'approved' AND NOT a.is_reversal) END AS cancels"""
PAYMENT_SOURCE = """payments p
    JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id"""


async def payment(database: Database, merchant_id: int, imp_uid: str) -> Payment | None:
    """Find a payment. Concurrent calls share one statement."""
    return await database.run_batched(_payments, (merchant_id, imp_uid))


async def _payments(database: Database, keys: Sequence[tuple[int, str]]) -> list[Payment | None]:
    # `BETWEEN` is true of every row: it tells the planner that the rows are few.
    rows = await database.fetch(
        f"""SELECT {PAYMENT_COLUMNS}
            FROM unnest($1::bigint[], $2::text[]) AS input (merchant_id, imp_uid)
            JOIN payments p
            ON p.merchant_id = input.merchant_id AND p.imp_uid = input.imp_uid
            JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id
            WHERE input.merchant_id BETWEEN 1 AND 9223372036854775807""",
        [merchant_id for merchant_id, _ in keys],
        [imp_uid for _, imp_uid in keys],
    )
    payments = {(row["merchant_id"], row["imp_uid"]): to_payment(row) for row in rows}
    return [payments.get(key) for key in keys]


async def payment_for_update(connection: Connection, merchant_id: int, imp_uid: str) -> Payment:
    """Lock a payment until the transaction ends and return it.

    It was committed before, so `Unavailable` if the database has lost it (M11).
    """
    row = await connection.fetchrow(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND p.imp_uid = $2 FOR UPDATE OF p""",
        merchant_id,
        imp_uid,
    )
    if row is None:
        raise Unavailable(f"payment {imp_uid}, which the database has lost,", retry_after_s=2)
    return to_payment(row)


async def newest_of_order(
    database: Database,
    merchant_id: int,
    merchant_uid: str,
    statuses: frozenset[Status],
    *,
    purpose: str | None = None,
) -> Payment | None:
    """The newest payment of an order in one of the statuses; `purpose` None means any."""
    row = await database.fetchrow(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND p.merchant_uid = $2 AND p.status = ANY($3::text[])
              AND ($4::text IS NULL OR p.purpose = $4)
            ORDER BY p.started_at DESC, p.imp_uid DESC LIMIT 1""",
        merchant_id,
        merchant_uid,
        sorted(statuses),
        purpose,
    )
    return None if row is None else to_payment(row)


async def order_holder(
    connection: Connection, merchant_id: int, merchant_uid: str
) -> tuple[str, Status] | None:
    """The payment that holds the order, by the condition of the index `payments_order_once`."""
    row = await connection.fetchrow(
        """SELECT imp_uid, status FROM payments
           WHERE merchant_id = $1 AND merchant_uid = $2 AND purpose = 'payment'
             AND status IN ('pending', 'paid', 'partly_cancelled', 'cancelled')""",
        merchant_id,
        merchant_uid,
    )
    return None if row is None else (row["imp_uid"], Status(row["status"]))


async def key_issue_holder(
    connection: Connection, merchant_id: int, merchant_uid: str
) -> tuple[str, Status] | None:
    """The registration that holds the order, by the index `payments_key_issue_once`."""
    row = await connection.fetchrow(
        """SELECT imp_uid, status FROM payments
           WHERE merchant_id = $1 AND merchant_uid = $2 AND purpose = 'key_issue'
             AND status IN ('pending', 'paid')""",
        merchant_id,
        merchant_uid,
    )
    return None if row is None else (row["imp_uid"], Status(row["status"]))


async def window_customer_id(connection: Connection, payment: Payment) -> str | None:
    """The merchant's id of the customer, from the page that opened the payment's window."""
    customer_id: str | None = await connection.fetchval(
        "SELECT customer_id FROM payment_windows WHERE merchant_id = $1 AND imp_uid = $2",
        payment.merchant_id,
        payment.imp_uid,
    )
    return customer_id


async def insert_ready_payment(
    connection: Connection,
    merchant_id: int,
    details: ChargeDetails,
    *,
    source: Literal["pc", "mobile", "api"],
    channel_id: int,
    customer_uid: str | None,
    user_agent: str | None,
    now: datetime,
) -> Payment:
    """Insert the `ready` payment of a window, or of a forgotten request, and return it.

    A `customer_uid` makes it a card registration.
    """
    row = await connection.fetchrow(
        f"""WITH p AS (
                INSERT INTO payments (
                    merchant_id, imp_uid, merchant_uid, purpose, status, amount_krw, tax_free_krw,
                    source, channel_id, name, buyer_name, buyer_email, buyer_tel, buyer_addr,
                    buyer_postcode, customer_uid, custom_data, notice_urls, user_agent, started_at,
                    updated_at)
                VALUES ($1, 'imp_' || new_imp_uid_number(), $2, $3, 'ready', $4, $5, $6, $7, $8,
                        $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
                RETURNING *
            )
            SELECT {PAYMENT_COLUMNS} FROM p
            JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id""",
        merchant_id,
        details.merchant_uid,
        "payment" if customer_uid is None else "key_issue",
        details.amount_krw,
        details.tax_free_krw,
        source,
        channel_id,
        details.name,
        details.buyer.name,
        details.buyer.email,
        details.buyer.tel,
        details.buyer.addr,
        details.buyer.postcode,
        customer_uid,
        details.custom_data,
        list(details.notice_urls),
        user_agent,
        now,
    )
    return to_payment(row)


async def mark_pending(connection: Connection, payment: Payment, *, now: datetime) -> bool:
    """Take the order for a `ready` payment; False, and nothing written, if another holds it."""
    try:
        async with connection.transaction():
            row = await connection.fetchrow(
                """UPDATE payments SET status = 'pending', updated_at = $3
                   WHERE merchant_id = $1 AND imp_uid = $2 AND status = 'ready'
                   RETURNING imp_uid""",
                payment.merchant_id,
                payment.imp_uid,
                now,
            )
    except asyncpg.UniqueViolationError:
        return False
    assert row is not None, f"payment {payment.imp_uid} is {payment.status}, not ready"
    return True


async def mark_paid(
    connection: Connection, payment: Payment, issued: KeyIssued, *, now: datetime
) -> Payment:
    """Mark a card registration as paid and return it: the key is issued, no money was taken."""
    card: Card = issued.card
    row = await connection.fetchrow(
        f"""WITH p AS (
                UPDATE payments
                SET status = 'paid', pg_tid = $3, approval_no = NULL, card_brand = $4,
                    card_name = $5, card_issuer_code = $6, card_number = $7, card_kind = $8,
                    card_quota = $9, can_cancel_in_part = $10, receipt_url = NULL, paid_at = $11,
                    updated_at = $12, fail_code = NULL, fail_reason = NULL, version = version + 1
                WHERE merchant_id = $1 AND imp_uid = $2
                RETURNING *
            )
            SELECT {PAYMENT_COLUMNS} FROM p
            JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id""",
        payment.merchant_id,
        payment.imp_uid,
        issued.pg_tid,
        card.brand,
        card.name,
        card.issuer_code,
        card.number_masked,
        card.kind,
        card.quota_months,
        card.can_cancel_in_part,
        issued.issued_at,
        now,
    )
    return to_payment(row)


async def mark_failed(
    connection: Connection, payment: Payment, *, code: str, reason: str, now: datetime
) -> Payment:
    """Mark a payment as failed and return it."""
    row = await connection.fetchrow(
        f"""WITH p AS (
                UPDATE payments
                SET status = 'failed', fail_code = $3, fail_reason = $4, failed_at = $5,
                    updated_at = $5, version = version + 1
                WHERE merchant_id = $1 AND imp_uid = $2
                RETURNING *
            )
            SELECT {PAYMENT_COLUMNS} FROM p
            JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id""",
        payment.merchant_id,
        payment.imp_uid,
        code,
        reason,
        now,
    )
    return to_payment(row)


async def mark_cancelled(
    connection: Connection,
    payment: Payment,
    *,
    amount_krw: int,
    tax_free_krw: int,
    now: datetime,
) -> Payment:
    """Add a confirmed cancel. The database refuses more than was paid of either part (M8)."""
    row = await connection.fetchrow(
        f"""WITH p AS (
                UPDATE payments
                SET cancelled_krw = cancelled_krw + $3,
                    cancelled_tax_free_krw = cancelled_tax_free_krw + $5,
                    cancelled_at = $4, updated_at = $4,
                    status = CASE WHEN cancelled_krw + $3 = amount_krw THEN 'cancelled'
                                  ELSE 'partly_cancelled' END,
                    version = version + 1
                WHERE merchant_id = $1 AND imp_uid = $2
                RETURNING *
            )
            SELECT {PAYMENT_COLUMNS} FROM p
            JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id""",
        payment.merchant_id,
        payment.imp_uid,
        amount_krw,
        now,
        tax_free_krw,
    )
    return to_payment(row)


async def record_event(
    connection: Connection,
    payment: Payment,
    *,
    vault: Vault,
    event_type: str,
    actor: str,
    created_at: datetime,
    amount_krw: int | None = None,
    detail: str | None = None,
    attempt_id: str | None = None,
    outcome: object = None,
) -> None:
    """Append an event to the payment, as its row is now. The caller has locked the payment.

    `amount_krw`: of the attempt that the event is about; None for the payment's amount. `outcome`:
    what the PG answered, whose code, text and number the event takes over.
    """
    event = new_event(
        vault.mac_keys,
        payment.facts,
        event_type=event_type,
        actor=actor,
        created_at=created_at,
        amount_krw=amount_krw,
        detail=detail,
        attempt_id=attempt_id,
        pg_code=getattr(outcome, "code", None),
        pg_text=getattr(outcome, "text", None),
        pg_tid=getattr(outcome, "cancel_tid", getattr(outcome, "pg_tid", None)),
    )
    await connection.execute("SELECT record_payment_event($1::json)", event.to_json())


def to_payment(row: Row | dict[str, Any]) -> Payment:
    """Return the payment of a row with `PAYMENT_COLUMNS`."""
    values = dict(row)
    return Payment(
        status=Status(values.pop("status")),
        buyer=pop_buyer(values),
        card=PaidCard(
            brand=values.pop("card_brand"),
            name=values.pop("card_name"),
            issuer_code=values.pop("card_issuer_code"),
            number_masked=values.pop("card_number"),
            kind=values.pop("card_kind"),
            quota_months=values.pop("card_quota"),
        ),
        notice_urls=tuple(values.pop("notice_urls")),
        cancels=_cancels(values.pop("cancels")),
        **values,
    )


def pop_buyer(values: dict[str, Any]) -> Buyer:
    """Take the buyer's columns out of a row's values and return the buyer."""
    return Buyer(
        name=values.pop("buyer_name"),
        email=values.pop("buyer_email"),
        tel=values.pop("buyer_tel"),
        addr=values.pop("buyer_addr"),
        postcode=values.pop("buyer_postcode"),
    )


def _cancels(text: str | None) -> tuple[Cancellation, ...]:
    return tuple(
        Cancellation(**{**cancel, "cancelled_at": datetime.fromisoformat(cancel["cancelled_at"])})
        for cancel in json.loads(text or "[]")
    )

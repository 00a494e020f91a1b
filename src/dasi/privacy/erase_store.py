"""SQL that erases personal data, of every table in one commit. Amounts and statuses stay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qsl

from dasi.foundation.db import Connection, Database
from dasi.foundation.vault import Vault
from dasi.ledger import PAYMENT_COLUMNS, payment_store, to_payment

_BUYER = "p.buyer_name, p.buyer_email, p.buyer_tel, p.buyer_addr, p.buyer_postcode, p.custom_data"
_HAS_BUYER = f"num_nonnulls({_BUYER}, p.user_agent) > 0"
_HAS_CUSTOMER = """num_nonnulls(customer_id, customer_name, customer_tel, customer_email,
                                customer_addr, customer_postcode) > 0"""
RetentionSource = Literal["payments", "schedules", "pg_messages"]
_ENDED_SCHEDULE = "status IN ('executed', 'revoked')"


@dataclass(frozen=True, slots=True)
class Progress:
    """The place up to which a list is erased: a moment and the id of the last row."""

    at: datetime
    last_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayment:
    """The ids by which the erasure of one payment finds its data in other tables."""

    imp_uid: str
    merchant_uid: str
    started_at: datetime
    buyer_name: str | None
    buyer_email: str | None
    buyer_tel: str | None

    @property
    def progress(self) -> Progress:
        return Progress(self.started_at, self.imp_uid)


async def next_payments(
    connection: Connection,
    merchant_id: int,
    column: Literal["customer_uid", "merchant_uid"] | None,
    value: str | None,
    *,
    before: datetime,
    after: Progress,
    limit: int,
) -> list[StoredPayment]:
    """Return the next payments of a customer, of an order or of all, oldest first."""
    condition = "$2::text IS NULL" if column is None else f"p.{column} = $2"
    rows = await connection.fetch(
        f"""SELECT p.imp_uid, p.merchant_uid, p.started_at, p.buyer_name, p.buyer_email,
                   p.buyer_tel
            FROM payments p
            WHERE p.merchant_id = $1 AND {condition} AND p.started_at < $3
              AND p.started_at >= $4 AND (p.started_at, p.imp_uid) > ($4, $5)
            ORDER BY p.started_at, p.imp_uid LIMIT $6""",
        merchant_id,
        value,
        before,
        after.at,
        after.last_id,
        limit,
    )
    return [StoredPayment(**row) for row in rows]


async def erase_buyers(
    connection: Connection,
    merchant_id: int,
    payments: list[StoredPayment],
    *,
    vault: Vault,
    actor: str,
    now: datetime,
) -> int:
    """Erase the buyers of payments and all that was kept with them; return how many had one.

    Each has an event then, so that the ledger check knows why its buyer is gone.
    """
    imp_uids = [payment.imp_uid for payment in payments]
    rows = await connection.fetch(
        f"""WITH erased AS (
                UPDATE payments p
                SET buyer_name = NULL, buyer_email = NULL, buyer_tel = NULL, buyer_addr = NULL,
                    buyer_postcode = NULL, custom_data = NULL, user_agent = NULL,
                    version = version + 1
                WHERE p.merchant_id = $1 AND p.imp_uid = ANY ($2::text[]) AND {_HAS_BUYER}
                RETURNING p.*
            )
            SELECT {PAYMENT_COLUMNS} FROM erased p
            JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id""",
        merchant_id,
        imp_uids,
    )
    for row in rows:
        await payment_store.record_event(
            connection,
            to_payment(row),
            vault=vault,
            event_type="buyer_erased",
            actor=actor,
            created_at=now,
        )
    await connection.execute(
        """UPDATE payment_windows SET customer_id = NULL, redirect_url = NULL
           WHERE merchant_id = $1 AND imp_uid = ANY ($2::text[])
             AND state IN ('returned', 'closed')""",
        merchant_id,
        imp_uids,
    )
    await _erase_schedules(
        connection, merchant_id, "merchant_uid", [payment.merchant_uid for payment in payments]
    )
    await erase_answers(connection, merchant_id, imp_uids)
    await _erase_stored_responses(connection, merchant_id, imp_uids)
    await _erase_saved_searches(connection, merchant_id, payments)
    return len(rows)


async def erase_customer(connection: Connection, merchant_id: int, customer_uid: str) -> int:
    """Erase the customer of ended billing keys and schedules; return how many keys had one."""
    rows = await connection.fetch(
        f"""UPDATE billing_keys
            SET customer_id = NULL, customer_name = NULL, customer_tel = NULL,
                customer_email = NULL, customer_addr = NULL, customer_postcode = NULL
            WHERE merchant_id = $1 AND customer_uid = $2 AND status <> 'active' AND {_HAS_CUSTOMER}
            RETURNING billing_key_id""",
        merchant_id,
        customer_uid,
    )
    await _erase_schedules(connection, merchant_id, "customer_uid", [customer_uid])
    await erase_answers(connection, merchant_id, [row["billing_key_id"] for row in rows])
    return len(rows)


async def erase_ended_keys(
    connection: Connection, merchant_id: int, *, before: datetime, limit: int
) -> int:
    """Erase the customers of billing keys that ended before a moment; return how many."""
    rows = await connection.fetch(
        f"""UPDATE billing_keys
            SET customer_id = NULL, customer_name = NULL, customer_tel = NULL,
                customer_email = NULL, customer_addr = NULL, customer_postcode = NULL
            WHERE merchant_id = $1 AND billing_key_id IN (
                SELECT billing_key_id FROM billing_keys
                WHERE merchant_id = $1 AND status <> 'active' AND updated_at < $2
                  AND {_HAS_CUSTOMER}
                LIMIT $3)
            RETURNING billing_key_id""",
        merchant_id,
        before,
        limit,
    )
    return len(rows)


async def erase_next_schedules(
    connection: Connection, merchant_id: int, *, before: datetime, after: Progress, limit: int
) -> Progress | None:
    """Erase the next ended schedules; the last one's place, or None if there are none left."""
    rows = await connection.fetch(
        """SELECT schedule_id, merchant_uid, schedule_at FROM schedules
           WHERE merchant_id = $1 AND schedule_at < $2 AND schedule_at >= $3
             AND (schedule_at, schedule_id) > ($3, $4)
           ORDER BY schedule_at, schedule_id LIMIT $5""",
        merchant_id,
        before,
        after.at,
        after.last_id,
        limit,
    )
    if not rows:
        return None
    orders = [row["merchant_uid"] for row in rows]
    await _erase_schedules(connection, merchant_id, "merchant_uid", orders)
    return Progress(rows[-1]["schedule_at"], rows[-1]["schedule_id"])


async def _erase_schedules(
    connection: Connection,
    merchant_id: int,
    column: Literal["customer_uid", "merchant_uid"],
    values: list[str],
) -> None:
    await connection.execute(
        f"""UPDATE schedules
            SET customer_id = NULL, buyer_name = NULL, buyer_email = NULL, buyer_tel = NULL,
                buyer_addr = NULL, buyer_postcode = NULL, custom_data = NULL
            WHERE merchant_id = $1 AND {column} = ANY ($2::text[]) AND {_ENDED_SCHEDULE}""",
        merchant_id,
        values,
    )


async def erase_answers(connection: Connection, merchant_id: int, resource_ids: list[str]) -> None:
    """Erase what merchants' servers answered to webhooks about these objects, but the status."""
    await connection.execute(
        """WITH erased AS (
               UPDATE deliveries d SET last_answer = substring(d.last_answer FROM '^HTTP [0-9]{3}')
               FROM webhook_events e
               WHERE e.merchant_id = $1 AND e.resource_id = ANY ($2::text[])
                 AND d.merchant_id = e.merchant_id AND d.event_id = e.event_id
                 AND d.last_answer ~ '^HTTP [0-9]{3}'
               RETURNING d.merchant_id, d.delivery_id
           )
           UPDATE delivery_attempts a SET answer = substring(a.answer FROM '^HTTP [0-9]{3}')
           FROM erased
           WHERE a.merchant_id = erased.merchant_id AND a.delivery_id = erased.delivery_id
             AND a.answer ~ '^HTTP [0-9]{3}'""",
        merchant_id,
        resource_ids,
    )


async def _erase_stored_responses(
    connection: Connection, merchant_id: int, imp_uids: list[str]
) -> None:
    """Forget the responses to idempotency keys: a repetition reads the payment anew."""
    await connection.execute(
        """UPDATE idempotent_requests
           SET sealed_response = NULL, http_status = NULL, answered_at = NULL
           WHERE merchant_id = $1 AND idempotency_key IN (
               SELECT idempotency_key FROM pg_attempts
               WHERE merchant_id = $1 AND imp_uid = ANY ($2::text[])
                 AND idempotency_key IS NOT NULL)""",
        merchant_id,
        imp_uids,
    )


async def _erase_saved_searches(
    connection: Connection, merchant_id: int, payments: list[StoredPayment]
) -> None:
    """Delete the saved filters that search for one of these buyers."""
    erased = {
        text.casefold()
        for payment in payments
        for text in (payment.buyer_name, payment.buyer_email, payment.buyer_tel)
        if text
    }
    if not erased:
        return
    rows = await connection.fetch(
        "SELECT user_id, name, query FROM saved_filters WHERE merchant_id = $1", merchant_id
    )
    matching = [
        (row["user_id"], row["name"])
        for row in rows
        if dict(parse_qsl(row["query"])).get("q", "").casefold() in erased
    ]
    await connection.execute(
        """DELETE FROM saved_filters f
           USING unnest($2::bigint[], $3::text[]) AS input (user_id, name)
           WHERE f.merchant_id = $1 AND f.user_id = input.user_id AND f.name = input.name""",
        merchant_id,
        [user_id for user_id, _ in matching],
        [name for _, name in matching],
    )


async def count_buyers(
    database: Database,
    merchant_id: int,
    column: Literal["customer_uid", "merchant_uid"] | None,
    values: list[str],
    *,
    before: datetime,
    count_max: int,
) -> int:
    """Count the payments that still name their buyer, up to `count_max`."""
    condition = "$2::text[] IS NOT NULL" if column is None else f"p.{column} = ANY ($2::text[])"
    row = await database.fetchrow(
        f"""SELECT count(*)::int AS payments FROM (
                SELECT 1 FROM payments p
                WHERE p.merchant_id = $1 AND {condition} AND p.started_at < $3 AND {_HAS_BUYER}
                LIMIT $4) AS counted""",
        merchant_id,
        values,
        before,
        count_max,
    )
    assert row is not None, "an aggregate always has a row"
    return int(row["payments"])


async def blocking_reason(
    database: Database,
    merchant_id: int,
    column: Literal["customer_uid", "merchant_uid"],
    values: list[str],
) -> str | None:
    """Return why these buyers cannot be erased yet: later changes would name or need them."""
    row = await database.fetchrow(
        f"""SELECT CASE
                WHEN $3 AND EXISTS (
                    SELECT 1 FROM billing_keys WHERE merchant_id = $1
                    AND customer_uid = ANY ($2::text[]) AND status = 'active')
                THEN 'customer_has_active_key'
                WHEN EXISTS (
                    SELECT 1 FROM schedules WHERE merchant_id = $1
                    AND {column} = ANY ($2::text[]) AND status IN ('scheduled', 'running'))
                THEN 'schedule_waits'
                WHEN EXISTS (
                    SELECT 1 FROM payments WHERE merchant_id = $1
                    AND {column} = ANY ($2::text[]) AND status IN ('ready', 'pending'))
                THEN 'payment_under_way'
            END AS reason""",
        merchant_id,
        values,
        column == "customer_uid",
    )
    assert row is not None, "a query without a table always has a row"
    reason: str | None = row["reason"]
    return reason


async def lock_progress(
    connection: Connection, merchant_id: int, source: RetentionSource
) -> Progress | None:
    """Lock the progress of a merchant's retention; None while another worker holds it."""
    await connection.execute(
        """INSERT INTO retention_progress (merchant_id, source) VALUES ($1, $2)
           ON CONFLICT DO NOTHING""",
        merchant_id,
        source,
    )
    row = await connection.fetchrow(
        """SELECT erased_until, last_id FROM retention_progress
           WHERE merchant_id = $1 AND source = $2 FOR UPDATE SKIP LOCKED""",
        merchant_id,
        source,
    )
    return None if row is None else Progress(row["erased_until"], row["last_id"])


async def save_progress(
    connection: Connection,
    merchant_id: int,
    source: RetentionSource,
    progress: Progress,
) -> None:
    await connection.execute(
        """UPDATE retention_progress SET erased_until = $3, last_id = $4
           WHERE merchant_id = $1 AND source = $2""",
        merchant_id,
        source,
        progress.at,
        progress.last_id,
    )

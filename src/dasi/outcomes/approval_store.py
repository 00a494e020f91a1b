"""SQL that records approvals: attempt, payment, event and webhooks in one statement (M9, W1).

Charges that the PG approves at the same time share the statement, which is then one transaction.
An approval that a lookup or a payment window brings runs it alone, inside a transaction.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from dasi.events import ENQUEUE_EVENTS_CTE
from dasi.foundation.db import Connection, Database
from dasi.ledger import PAYMENT_COLUMNS, Payment, to_payment
from dasi.payment_events import PaymentEvent


class ApprovalRow(PaymentEvent, frozen=True, kw_only=True):
    """The event of an approval, with the values of the other rows that record it."""

    paid_event_id: str
    """Of the webhook `payment.paid`."""
    resolved_event_id: str | None
    """Of the webhook `payment.resolved`; None for a direct answer."""
    approval_no: str | None
    card_brand: str | None
    card_name: str | None
    card_issuer_code: str | None
    card_number: str | None
    card_kind: str | None
    card_quota: int
    can_cancel_in_part: bool | None
    receipt_url: str | None
    approved_at: datetime
    exchanges: list[str]
    """As `attempt_store.encode_exchange` returns them."""


# `BETWEEN` as in `reserve_store`: few rows, an index each.
# Payments are locked first and in order, then their attempts: every other writer does the same. An
# attempt that was closed meanwhile, or a payment that is not pending any more, drops out here.
# The last event is read as of the statement's start. If another transaction appended an event while
# this one waited for the row, `seq` is taken and nothing is written.
_STATEMENT = """
    WITH input AS MATERIALIZED (
        SELECT * FROM json_to_recordset($1::json) AS approvals (
            merchant_id bigint, imp_uid text, created_at timestamptz, type text, status text,
            actor text, detail text, attempt_id text, pg_code text, pg_text text,
            merchant_uid text, amount_krw bigint, pg_tid text, buyer_digest text,
            details_digest text, mac text, paid_event_id text, resolved_event_id text,
            approval_no text, card_brand text, card_name text, card_issuer_code text,
            card_number text, card_kind text, card_quota integer, can_cancel_in_part boolean,
            receipt_url text, approved_at timestamptz, exchanges text[])
        WHERE merchant_id BETWEEN 1 AND 9223372036854775807
    ), locked AS MATERIALIZED (
        SELECT p.merchant_id, p.imp_uid FROM payments p
        JOIN input ON input.merchant_id = p.merchant_id AND input.imp_uid = p.imp_uid
        WHERE p.status = 'pending'
        ORDER BY p.merchant_id, p.imp_uid FOR NO KEY UPDATE OF p
    ), closed_attempts AS (
        UPDATE pg_attempts a
        SET state = 'approved', detail = NULL, pg_code = input.pg_code, pg_text = input.pg_text,
            pg_tid = input.pg_tid, answered_at = input.created_at, receipt_url = input.receipt_url,
            leased_until = NULL, next_lookup_at = NULL, exchanges = a.exchanges || input.exchanges
        FROM input JOIN locked USING (merchant_id, imp_uid)
        WHERE a.merchant_id = input.merchant_id AND a.attempt_id = input.attempt_id
          AND a.imp_uid = input.imp_uid AND a.state IN ('sending', 'unknown')
        RETURNING a.merchant_id, a.attempt_id
    ), p AS (
        UPDATE payments paid
        SET status = 'paid', pg_tid = input.pg_tid, approval_no = input.approval_no,
            card_brand = input.card_brand, card_name = input.card_name,
            card_issuer_code = input.card_issuer_code, card_number = input.card_number,
            card_kind = input.card_kind, card_quota = input.card_quota,
            can_cancel_in_part = input.can_cancel_in_part, receipt_url = input.receipt_url,
            paid_at = input.approved_at, updated_at = input.created_at,
            fail_code = NULL, fail_reason = NULL,
            version = version + 1
        FROM input JOIN closed_attempts USING (merchant_id, attempt_id)
        WHERE paid.merchant_id = input.merchant_id AND paid.imp_uid = input.imp_uid
        RETURNING paid.*
    ), webhook_input AS (
        SELECT p.merchant_id, input.paid_event_id AS event_id, p.imp_uid AS resource_id,
               p.channel_id, p.version, 'payment.paid' AS kind,
               jsonb_build_object('imp_uid', p.imp_uid, 'merchant_uid', p.merchant_uid,
                                  'status', 'paid') AS body,
               p.notice_urls AS urls, p.source <> 'api' AS is_of_page, input.created_at AS at
        FROM p JOIN input ON input.merchant_id = p.merchant_id AND input.imp_uid = p.imp_uid
        {extended_webhooks}
    ), new_events AS (
        INSERT INTO payment_events (
            merchant_id, imp_uid, seq, created_at, type, status, actor, detail, attempt_id,
            pg_code, pg_text, merchant_uid, amount_krw, pg_tid, buyer_digest, details_digest, mac)
        SELECT p.merchant_id, p.imp_uid, last.seq + 1, input.created_at, input.type, input.status,
               input.actor, input.detail, input.attempt_id, input.pg_code, input.pg_text,
               input.merchant_uid, input.amount_krw, input.pg_tid,
               decode(input.buyer_digest, 'base64'), decode(input.details_digest, 'base64'),
               decode(input.mac, 'base64')
        FROM p
        JOIN input ON input.merchant_id = p.merchant_id AND input.imp_uid = p.imp_uid
        CROSS JOIN LATERAL (
            SELECT seq FROM payment_events e
            WHERE e.merchant_id = p.merchant_id AND e.imp_uid = p.imp_uid
            ORDER BY seq DESC LIMIT 1) AS last
    ), {enqueue_events}
    SELECT {payment_columns}
    FROM p
    JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id"""
_EXTENDED_WEBHOOKS = """
        UNION ALL
        SELECT p.merchant_id, input.resolved_event_id, p.imp_uid, p.channel_id, p.version,
               'payment.resolved',
               jsonb_build_object('type', 'payment.resolved', 'imp_uid', p.imp_uid,
                                  'merchant_uid', p.merchant_uid, 'status', 'paid'),
               ARRAY[]::text[], false, input.created_at
        FROM p
        JOIN input ON input.merchant_id = p.merchant_id AND input.imp_uid = p.imp_uid
        JOIN merchants m ON m.merchant_id = p.merchant_id
        WHERE input.detail IS NOT NULL AND m.extended_events"""


# Charges run the statement without the extended webhooks, which cost each charge 40 µs.
_RECORD, _RECORD_RESOLVED = (
    _STATEMENT.format(
        extended_webhooks=webhooks,
        enqueue_events=ENQUEUE_EVENTS_CTE,
        payment_columns=PAYMENT_COLUMNS,
    )
    for webhooks in ("", _EXTENDED_WEBHOOKS)
)


async def record_approvals(
    connection: Connection | Database, approvals: Sequence[ApprovalRow]
) -> list[Payment | None]:
    """Record approvals and return the paid payments.

    None for an approval whose attempt is closed or whose payment is not pending: nothing of it is
    written. `UniqueViolationError`, with nothing written at all, if another transaction appended
    an event meanwhile; it cannot happen to a caller that has locked the payments.
    """
    is_resolved = any(approval.detail is not None for approval in approvals)
    sql = _RECORD_RESOLVED if is_resolved else _RECORD
    rows = await connection.fetch(sql, msgspec.json.encode(approvals).decode())
    paid = {(row["merchant_id"], row["imp_uid"]): to_payment(row) for row in rows}
    return [paid.get((approval.merchant_id, approval.imp_uid)) for approval in approvals]


async def record_approvals_batched(
    database: Database, approvals: Sequence[ApprovalRow]
) -> list[Payment | None]:
    """Record approvals in one transaction (`Database.run_batched`) and return the paid payments.

    None also for an approval that lost a race: the caller records it alone. If one of several
    loses, all fail with `UniqueViolationError`, and the batcher runs each alone.
    """
    try:
        return await record_approvals(database, approvals)
    except asyncpg.UniqueViolationError:
        if len(approvals) > 1:
            raise
        return [None]

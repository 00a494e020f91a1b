"""SQL of a charge's last step when the PG approved it: attempt, payment, event and webhook, for all
whose answers came at the same time, in one statement that is one transaction (M9, W1).
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from dasi.events import ENQUEUE_EVENTS_CTE
from dasi.foundation.db import Database
from dasi.ledger import PAYMENT_COLUMNS, Payment, to_payment


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """An approval of one charge, as it is written down."""

    merchant_id: int
    imp_uid: str
    attempt_id: str
    actor: str
    """The provider that said so."""
    event_id: str
    """Of the webhook."""
    code: str
    text: str
    pg_tid: str
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
    """As `attempt_store.encode_exchange` gives them."""
    now: datetime


# `BETWEEN` as in `reserve_store`: few rows, an index each.
# First the payments, in order, as whoever settles or cancels one does; then their attempts. An
# attempt that was closed meanwhile, or a payment that is not pending any more, drops out here and
# is looked at by itself (`record_outcome`). The chain is read as it was when the statement began:
# if somebody added to it while we waited for the row, the number is taken and nothing is written.
_RECORD = f"""
    WITH input AS MATERIALIZED (
        SELECT * FROM json_to_recordset($1::json) AS one (
            merchant_id bigint, imp_uid text, attempt_id text, actor text, event_id text, code text,
            text text, pg_tid text, approval_no text, card_brand text, card_name text,
            card_issuer_code text, card_number text, card_kind text, card_quota integer,
            can_cancel_in_part boolean, receipt_url text, approved_at timestamptz,
            exchanges text[], now timestamptz)
        WHERE merchant_id BETWEEN 1 AND 9223372036854775807
    ), locked AS MATERIALIZED (
        SELECT p.merchant_id, p.imp_uid FROM payments p
        JOIN input ON input.merchant_id = p.merchant_id AND input.imp_uid = p.imp_uid
        WHERE p.status = 'pending'
        ORDER BY p.merchant_id, p.imp_uid FOR NO KEY UPDATE OF p
    ), closed_attempts AS (
        UPDATE pg_attempts a
        SET state = 'approved', detail = NULL, pg_code = input.code, pg_text = input.text,
            pg_tid = input.pg_tid, answered_at = input.now, receipt_url = input.receipt_url,
            leased_until = NULL, next_lookup_at = NULL, exchanges = a.exchanges || input.exchanges
        FROM input JOIN locked USING (merchant_id, imp_uid)
        WHERE a.merchant_id = input.merchant_id AND a.attempt_id = input.attempt_id
          AND a.imp_uid = input.imp_uid AND a.state IN ('sending', 'unknown')
        RETURNING a.merchant_id, a.attempt_id
    ), p AS (
        UPDATE payments was
        SET status = 'paid', pg_tid = input.pg_tid, approval_no = input.approval_no,
            card_brand = input.card_brand, card_name = input.card_name,
            card_issuer_code = input.card_issuer_code, card_number = input.card_number,
            card_kind = input.card_kind, card_quota = input.card_quota,
            can_cancel_in_part = input.can_cancel_in_part, receipt_url = input.receipt_url,
            paid_at = input.approved_at, updated_at = input.now,
            fail_code = NULL, fail_reason = NULL,
            version = version + 1
        FROM input JOIN closed_attempts USING (merchant_id, attempt_id)
        WHERE was.merchant_id = input.merchant_id AND was.imp_uid = input.imp_uid
        RETURNING was.*
    ), webhook_input AS (
        SELECT p.merchant_id, input.event_id, p.imp_uid AS resource_id, p.channel_id, p.version,
               'payment.paid' AS kind,
               jsonb_build_object('imp_uid', p.imp_uid, 'merchant_uid', p.merchant_uid,
                                  'status', 'paid') AS body,
               p.notice_urls AS urls, input.now AS at
        FROM p JOIN input ON input.merchant_id = p.merchant_id AND input.imp_uid = p.imp_uid
    ), new_events AS (
        INSERT INTO payment_events (
            merchant_id, imp_uid, seq, created_at, type, status, actor, attempt_id, pg_code,
            pg_text, previous, hash)
        SELECT p.merchant_id, p.imp_uid, last.seq + 1, input.now, 'approved', p.status, input.actor,
               input.attempt_id, input.code, input.text, last.hash,
               payment_event_hash(last.hash, p.merchant_id, p.imp_uid, last.seq + 1, input.now,
                                  'approved', p.status, input.actor, NULL, input.attempt_id,
                                  input.code,
                                  input.text)
        FROM p
        JOIN input ON input.merchant_id = p.merchant_id AND input.imp_uid = p.imp_uid
        CROSS JOIN LATERAL (
            SELECT seq, hash FROM payment_events e
            WHERE e.merchant_id = p.merchant_id AND e.imp_uid = p.imp_uid
            ORDER BY seq DESC LIMIT 1) AS last
    ), {ENQUEUE_EVENTS_CTE}
    SELECT {PAYMENT_COLUMNS}
    FROM p
    JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id"""


async def record_paid(database: Database, approvals: Sequence[ApprovalRow]) -> list[Payment | None]:
    """The payments, paid. None for one that somebody else wrote to meanwhile: not touched.

    Of several, one that was written to makes all of them fail with `UniqueViolationError`, and
    nothing is written: ask for each alone.
    """
    try:
        rows = await database.fetch(_RECORD, msgspec.json.encode(approvals).decode())
    except asyncpg.UniqueViolationError:
        if len(approvals) > 1:
            raise
        return [None]
    paid = {(row["merchant_id"], row["imp_uid"]): to_payment(row) for row in rows}
    return [paid.get((approval.merchant_id, approval.imp_uid)) for approval in approvals]

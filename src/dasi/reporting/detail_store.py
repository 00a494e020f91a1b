"""SQL of the payments' room: what a payment's page and the worklist of doubts are made of."""

from datetime import datetime

import msgspec

from dasi.foundation.db import Database
from dasi.providers.port import Exchange
from dasi.reporting.detail_types import (
    AttemptDetail,
    PaymentEvent,
    PaymentWindow,
    UnresolvedAttemptSummary,
)

_LINES_MAX = 500
_EXCHANGES = msgspec.json.Decoder(Exchange)


async def events(database: Database, merchant_id: int, imp_uid: str) -> list[PaymentEvent]:
    rows = await database.fetch(
        """SELECT seq, created_at, type, status, actor, detail, attempt_id, pg_code, pg_text,
                  hash
           FROM payment_events WHERE merchant_id = $1 AND imp_uid = $2 ORDER BY seq LIMIT $3""",
        merchant_id,
        imp_uid,
        _LINES_MAX,
    )
    return [PaymentEvent(**row) for row in rows]


async def attempts(database: Database, merchant_id: int, imp_uid: str) -> list[AttemptDetail]:
    rows = await database.fetch(
        """SELECT attempt_id, kind, pg_merchant_id, pg_order_id, business_date, amount_krw,
                  remain_krw, state,
                  detail, pg_code, pg_text, pg_tid, reason, is_reversal, lookups, sent_at,
                  answered_at,
                  next_lookup_at, deadline_at, escalated_at, exchanges
           FROM pg_attempts WHERE merchant_id = $1 AND imp_uid = $2 ORDER BY sent_at LIMIT $3""",
        merchant_id,
        imp_uid,
        _LINES_MAX,
    )
    return [
        AttemptDetail(
            **{**row, "exchanges": tuple(_EXCHANGES.decode(one) for one in row["exchanges"])}
        )
        for row in rows
    ]


async def windows(database: Database, merchant_id: int, imp_uid: str) -> list[PaymentWindow]:
    rows = await database.fetch(
        """SELECT state, device, return_code, return_text, opened_at, expires_at
           FROM payment_windows WHERE merchant_id = $1 AND imp_uid = $2 ORDER BY opened_at""",
        merchant_id,
        imp_uid,
    )
    return [PaymentWindow(**row) for row in rows]


async def unresolved(
    database: Database, merchant_id: int, *, limit: int
) -> list[UnresolvedAttemptSummary]:
    rows = await database.fetch(
        """SELECT a.attempt_id, a.kind, a.imp_uid, p.merchant_uid, a.amount_krw, a.state, a.detail,
                  a.lookups, a.sent_at, a.next_lookup_at, a.deadline_at, a.escalated_at
           FROM pg_attempts a
           LEFT JOIN payments p ON p.merchant_id = a.merchant_id AND p.imp_uid = a.imp_uid
           WHERE a.merchant_id = $1 AND a.state IN ('sending', 'unknown')
             AND a.kind <> 'delete_key'
           ORDER BY a.escalated_at NULLS LAST, a.deadline_at LIMIT $2""",
        merchant_id,
        limit,
    )
    return [UnresolvedAttemptSummary(**row) for row in rows]


async def unresolved_page(
    database: Database,
    merchant_id: int,
    *,
    is_manual: bool,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[UnresolvedAttemptSummary]:
    """Soonest deadline first."""
    at, attempt_id = after or (None, None)
    rows = await database.fetch(
        """SELECT a.attempt_id, a.kind, a.imp_uid, p.merchant_uid, a.amount_krw, a.state, a.detail,
                  a.lookups, a.sent_at, a.next_lookup_at, a.deadline_at, a.escalated_at
           FROM pg_attempts a
           LEFT JOIN payments p ON p.merchant_id = a.merchant_id AND p.imp_uid = a.imp_uid
           WHERE a.merchant_id = $1 AND a.state IN ('sending', 'unknown')
             AND a.kind <> 'delete_key' AND (a.escalated_at IS NOT NULL) = $2
             AND ($3::timestamptz IS NULL OR (a.deadline_at, a.attempt_id) > ($3, $4))
           ORDER BY a.deadline_at, a.attempt_id LIMIT $5""",
        merchant_id,
        is_manual,
        at,
        attempt_id,
        limit,
    )
    return [UnresolvedAttemptSummary(**row) for row in rows]


async def is_unresolved(database: Database, merchant_id: int, attempt_id: str) -> bool:
    row = await database.fetchrow(
        """SELECT 1 FROM pg_attempts
           WHERE merchant_id = $1 AND attempt_id = $2 AND state IN ('sending', 'unknown')
             AND kind <> 'delete_key'""",
        merchant_id,
        attempt_id,
    )
    return row is not None

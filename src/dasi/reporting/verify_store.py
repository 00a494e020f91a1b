"""SQL of the payments' room: reads for the proof. Operator only, so over all merchants."""

from dataclasses import dataclass
from typing import Literal

from dasi.foundation.db import Database
from dasi.ledger import Status


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    created_at_us: int
    """Microseconds of the epoch, as hashed."""
    type: str
    status: str
    actor: str
    detail: str | None
    attempt_id: str | None
    pg_code: str | None
    pg_text: str | None
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPayment:
    """A payment as the books hold it, with what proves it."""

    merchant_id: int
    merchant_code: str
    imp_uid: str
    purpose: Literal["payment", "key_issue"]
    status: Status
    amount_krw: int
    cancelled_krw: int
    approvals: int
    approved_krw: int
    confirmed_cancels_krw: int
    open_attempts: int
    events: tuple[Event, ...]


async def page_any_merchant(
    database: Database, *, after: tuple[int, str], limit: int
) -> list[LedgerPayment]:
    """The next `limit` payments after (merchant, imp_uid), each with its whole story."""
    rows = await database.fetch(
        """SELECT p.merchant_id, m.code AS merchant_code, p.imp_uid, p.purpose, p.status,
                  p.amount_krw, p.cancelled_krw, a.approvals, a.approved_krw,
                  a.confirmed_cancels_krw, a.open_attempts
           FROM payments p
           JOIN merchants m ON m.merchant_id = p.merchant_id
           CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE kind <> 'cancel' AND state = 'approved')
                          AS approvals,
                      coalesce(sum(amount_krw) FILTER (
                          WHERE kind <> 'cancel' AND state = 'approved'), 0)::bigint
                          AS approved_krw,
                      coalesce(sum(amount_krw) FILTER (
                          WHERE kind = 'cancel' AND state = 'approved' AND NOT is_reversal),
                          0)::bigint AS confirmed_cancels_krw,
                      count(*) FILTER (WHERE state IN ('sending', 'unknown')) AS open_attempts
               FROM pg_attempts WHERE merchant_id = p.merchant_id AND imp_uid = p.imp_uid) a
           WHERE (p.merchant_id, p.imp_uid) > ($1, $2)
           ORDER BY p.merchant_id, p.imp_uid LIMIT $3""",
        after[0],
        after[1],
        limit,
    )
    events_by_payment = await _events_any_merchant(
        database, [row["merchant_id"] for row in rows], [row["imp_uid"] for row in rows]
    )
    return [
        LedgerPayment(
            **{**row, "status": Status(row["status"])},
            events=tuple(events_by_payment.get((row["merchant_id"], row["imp_uid"]), ())),
        )
        for row in rows
    ]


async def _events_any_merchant(
    database: Database, merchant_ids: list[int], imp_uids: list[str]
) -> dict[tuple[int, str], list[Event]]:
    rows = await database.fetch(
        """SELECT e.merchant_id, e.imp_uid, e.seq,
                  (extract(epoch FROM e.created_at) * 1000000)::bigint AS created_at_us, e.type,
                  e.status, e.actor,
                  e.detail, e.attempt_id, e.pg_code, e.pg_text, e.previous, e.hash
           FROM payment_events e
           JOIN unnest($1::bigint[], $2::text[]) AS input (merchant_id, imp_uid)
             ON e.merchant_id = input.merchant_id AND e.imp_uid = input.imp_uid
           ORDER BY e.merchant_id, e.imp_uid, e.seq""",
        merchant_ids,
        imp_uids,
    )
    events_by_payment: dict[tuple[int, str], list[Event]] = {}
    for row in rows:
        values = dict(row)
        key = (values.pop("merchant_id"), values.pop("imp_uid"))
        events_by_payment.setdefault(key, []).append(Event(**values))
    return events_by_payment

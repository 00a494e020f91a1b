"""Verify the ledger (M9): recompute event chains, statuses and sums, and name each discrepancy.

The check uses other means than the code that wrote the rows: the database computes the hash of an
event when it is written, and Python computes it again here.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from dasi.engine import Engine
from dasi.foundation.db import Database
from dasi.ledger import TRANSITIONS, Status

_PAGE = 500
_APPROVED = frozenset({Status.PAID, Status.PARTLY_CANCELLED, Status.CANCELLED})


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One fault of one payment, in words."""

    merchant_code: str
    imp_uid: str
    text: str


@dataclass(slots=True)
class VerificationReport:
    payments: int = 0
    events: int = 0
    paid_krw: int = 0
    """Approved, before cancels; card registrations count nothing."""
    cancelled_krw: int = 0
    discrepancies: list[Discrepancy] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChainedEvent:
    seq: int
    created_at_us: int
    """Microseconds since the epoch, as the hash has them."""
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
    """A payment as the ledger has it, with the rows that prove it."""

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
    events: tuple[ChainedEvent, ...]


async def verify_ledger(engine: Engine) -> VerificationReport:
    """Verify every payment of every merchant, a page at a time, and return sums and faults."""
    report = VerificationReport()
    after = (0, "")
    while page := await page_any_merchant(engine.database, after=after, limit=_PAGE):
        for payment in page:
            report.payments += 1
            report.events += len(payment.events)
            if payment.purpose == "payment" and payment.status in _APPROVED:
                report.paid_krw += payment.amount_krw
                report.cancelled_krw += payment.cancelled_krw
            report.discrepancies += [
                Discrepancy(payment.merchant_code, payment.imp_uid, text)
                for text in find_discrepancies(payment)
            ]
        after = (page[-1].merchant_id, page[-1].imp_uid)
    return report


def find_discrepancies(payment: LedgerPayment) -> Iterator[str]:
    """The faults of one payment, in words. Pure."""
    yield from _chain(payment)
    yield from _statuses(payment)
    yield from _sums(payment)


def _chain(payment: LedgerPayment) -> Iterator[str]:
    previous = b""
    for number, event in enumerate(payment.events, start=1):
        if event.seq != number:
            yield f"event {number} is missing: the next one is numbered {event.seq}"
            return
        if event.previous != previous:
            yield f"event {number} does not follow the one before it"
        if event.hash != _hash(payment, event):
            yield f"event {number} ({event.type}) was changed after it was written"
        previous = event.hash


def _hash(payment: LedgerPayment, event: ChainedEvent) -> bytes:
    values = [
        payment.merchant_id,
        payment.imp_uid,
        event.seq,
        event.created_at_us,
        event.type,
        event.status,
        event.actor,
        event.detail,
        event.attempt_id,
        event.pg_code,
        event.pg_text,
    ]
    # The same text that PostgreSQL gives for a jsonb array.
    text = json.dumps(values, ensure_ascii=False, separators=(", ", ": "))
    return hashlib.sha256(event.previous + text.encode()).digest()


def _statuses(payment: LedgerPayment) -> Iterator[str]:
    if not payment.events:
        yield "it has no event at all"
        return
    for earlier, later in pairwise(payment.events):
        status = Status(later.status)
        if earlier.status != later.status and status not in TRANSITIONS[Status(earlier.status)]:
            yield f"event {later.seq} moves it from {earlier.status} to {later.status}"
    if payment.events[-1].status != payment.status:
        yield f"it is {payment.status}, but its last event says {payment.events[-1].status}"


def _sums(payment: LedgerPayment) -> Iterator[str]:
    if payment.cancelled_krw != payment.confirmed_cancels_krw:
        yield (
            f"{payment.cancelled_krw} won are recorded as cancelled, but the PG confirmed "
            f"{payment.confirmed_cancels_krw}"
        )
    if payment.status in _APPROVED and payment.approvals != 1:
        yield f"it is {payment.status} with {payment.approvals} approvals"
    if payment.status not in _APPROVED and payment.approvals:
        yield f"it is {payment.status}, but the PG approved it"
    is_money = payment.purpose == "payment"
    if payment.status in _APPROVED and is_money and payment.approved_krw != payment.amount_krw:
        yield f"{payment.approved_krw} won were approved for {payment.amount_krw}"
    if payment.status == Status.PENDING and not payment.open_attempts:
        yield "it is pending, but nothing is open: nobody will settle it"


async def page_any_merchant(
    database: Database, *, after: tuple[int, str], limit: int
) -> list[LedgerPayment]:
    """The next `limit` payments after (merchant, imp_uid), each with all its events."""
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
) -> dict[tuple[int, str], list[ChainedEvent]]:
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
    events_by_payment: dict[tuple[int, str], list[ChainedEvent]] = {}
    for row in rows:
        values = dict(row)
        key = (values.pop("merchant_id"), values.pop("imp_uid"))
        events_by_payment.setdefault(key, []).append(ChainedEvent(**values))
    return events_by_payment

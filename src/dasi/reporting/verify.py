"""Verify: prove the event chains and the books (M9), and name what is wrong.

Everything is computed again from the rows, by other means than those that wrote them: the chain's
hash is made in the database when an event is written, and here in Python when it is verified.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import pairwise

from dasi.engine import Engine
from dasi.ledger import TRANSITIONS, Status
from dasi.reporting import verify_store
from dasi.reporting.verify_store import Event, LedgerPayment

_PAGE = 500
_HELD = frozenset({Status.PAID, Status.PARTLY_CANCELLED, Status.CANCELLED})


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is not as it must be."""

    merchant_code: str
    imp_uid: str
    what: str


@dataclass(slots=True)
class VerificationReport:
    payments: int = 0
    events: int = 0
    paid_krw: int = 0
    """Approved, before cancels; card registrations count nothing."""
    cancelled_krw: int = 0


async def verify_ledger(engine: Engine, report: VerificationReport) -> AsyncIterator[Discrepancy]:
    """Goes through every payment of every merchant, a page at a time; counts into `report`."""
    after = (0, "")
    while page := await verify_store.page_any_merchant(engine.database, after=after, limit=_PAGE):
        for payment in page:
            report.payments += 1
            report.events += len(payment.events)
            if payment.purpose == "payment" and payment.status in _HELD:
                report.paid_krw += payment.amount_krw
                report.cancelled_krw += payment.cancelled_krw
            for what in find_discrepancies(payment):
                yield Discrepancy(payment.merchant_code, payment.imp_uid, what)
        after = (page[-1].merchant_id, page[-1].imp_uid)


def find_discrepancies(payment: LedgerPayment) -> Iterator[str]:
    """What is wrong with one payment; nothing if all is well. Pure."""
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


def _hash(payment: LedgerPayment, event: Event) -> bytes:
    told = [
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
    # The very text PostgreSQL gives a jsonb array.
    text = json.dumps(told, ensure_ascii=False, separators=(", ", ": "))
    return hashlib.sha256(event.previous + text.encode()).digest()


def _statuses(payment: LedgerPayment) -> Iterator[str]:
    if not payment.events:
        yield "it has no event at all"
        return
    for earlier, later in pairwise(payment.events):
        then = Status(later.status)
        if earlier.status != later.status and then not in TRANSITIONS[Status(earlier.status)]:
            yield f"event {later.seq} moves it from {earlier.status} to {later.status}"
    if payment.events[-1].status != payment.status:
        yield f"it is {payment.status}, but its last event says {payment.events[-1].status}"


def _sums(payment: LedgerPayment) -> Iterator[str]:
    if payment.cancelled_krw != payment.confirmed_cancels_krw:
        yield (
            f"{payment.cancelled_krw} won are recorded as cancelled, but the PG confirmed "
            f"{payment.confirmed_cancels_krw}"
        )
    if payment.status in _HELD and payment.approvals != 1:
        yield f"it is {payment.status} with {payment.approvals} approvals"
    if payment.status not in _HELD and payment.approvals:
        yield f"it is {payment.status}, but the PG approved it"
    is_money = payment.purpose == "payment"
    if payment.status in _HELD and is_money and payment.approved_krw != payment.amount_krw:
        yield f"{payment.approved_krw} won were approved for {payment.amount_krw}"
    if payment.status == Status.PENDING and not payment.open_attempts:
        yield "it is pending, but nothing is open: nobody will settle it"

"""The rules that a payment's rows must keep, and the discrepancies of one that breaks them. Pure.

Events are genuine if their MAC is. Then what they state is compared with the rows of the payment,
its attempts and its windows.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Literal

from dasi.foundation.vault import MacKeyMissingError, MacKeys
from dasi.ledger import TRANSITIONS, Status
from dasi.ledger_proof.verify_store import LedgerAttempt, LedgerEvent, LedgerPayment
from dasi.payment_events import REQUESTS, PaymentEvent
from dasi.providers.port import AttemptKind

Check = Literal[
    "event", "key", "status", "order", "amount", "pg_number", "buyer", "details", "sum", "attempt",
    "window", "deleted", "inserted", "seal", "audit", "head",
]  # fmt: skip
_APPROVED = frozenset({Status.PAID, Status.PARTLY_CANCELLED, Status.CANCELLED})
_APPROVALS = ("approved", "key_issued")


def is_approved(payment: LedgerPayment) -> bool:
    return payment.payment.status in _APPROVED


def find_discrepancies(row: LedgerPayment, keys: MacKeys) -> Iterator[tuple[Check, str]]:
    """The discrepancies of one payment: the rule that is broken, and a sentence."""
    if not row.events:
        yield "event", "it has no event at all"
        return
    genuine, is_key_missing = [], False
    for number, entry in enumerate(row.events, start=1):
        if entry.seq != number:
            yield "deleted", f"event {number} is missing: the next one is numbered {entry.seq}"
            return
        try:
            if entry.event.is_genuine(keys):
                genuine.append(entry)
            else:
                text = f"event {entry.seq} ({entry.event.type}) was changed after it was written"
                yield "event", text
        except MacKeyMissingError as missing:
            is_key_missing = True
            yield "key", f"event {entry.seq} needs the MAC key {missing}, which is not loaded"
    yield from _statuses(row)
    yield from _sums(row)
    if not is_key_missing:
        yield from _facts(row, genuine, keys)
        yield from _attempts(row, genuine, keys)
    yield from _windows(row)


def _statuses(row: LedgerPayment) -> Iterator[tuple[Check, str]]:
    events = [entry.event for entry in row.events]
    for number, (earlier, later) in enumerate(pairwise(events), start=2):
        status = Status(later.status)
        if earlier.status != later.status and status not in TRANSITIONS[Status(earlier.status)]:
            yield "status", f"event {number} moves it from {earlier.status} to {later.status}"
    if events[-1].status != row.payment.status:
        yield "status", f"it is {row.payment.status}, but its last event says {events[-1].status}"


def _sums(row: LedgerPayment) -> Iterator[tuple[Check, str]]:
    payment, is_money = row.payment, row.payment.purpose == "payment"
    approvals = [
        attempt
        for attempt in row.attempts
        if attempt.kind is not AttemptKind.CANCEL and attempt.state == "approved"
    ]
    confirmed_krw = sum(attempt.amount_krw for attempt in _confirmed_cancels(row))
    approved_krw = sum(attempt.amount_krw for attempt in approvals)
    if payment.cancelled_krw != confirmed_krw:
        text = f"{payment.cancelled_krw} won are recorded as cancelled"
        yield "sum", f"{text}, but the PG confirmed {confirmed_krw}"
    if payment.status in _APPROVED and len(approvals) != 1:
        yield "sum", f"it is {payment.status} with {len(approvals)} approvals"
    if payment.status not in _APPROVED and approvals:
        yield "sum", f"it is {payment.status}, but the PG approved it"
    if payment.status in _APPROVED and is_money and approved_krw != payment.amount_krw:
        yield "amount", f"{approved_krw} won were approved for {payment.amount_krw}"
    is_open = any(attempt.state in ("sending", "unknown") for attempt in row.attempts)
    if payment.status is Status.PENDING and not is_open:
        yield "status", "it is pending, but no attempt is open: nothing will resolve it"


def _confirmed_cancels(row: LedgerPayment) -> list[LedgerAttempt]:
    return [
        attempt
        for attempt in row.attempts
        if attempt.kind is AttemptKind.CANCEL
        and attempt.state == "approved"
        and not attempt.is_reversal
    ]


def _facts(
    row: LedgerPayment, genuine: list[LedgerEvent], keys: MacKeys
) -> Iterator[tuple[Check, str]]:
    """Compare the payment's row with what its genuine events state."""
    payment, facts = row.payment, row.payment.facts
    for entry in genuine:
        event = entry.event
        if event.merchant_uid != payment.merchant_uid:
            yield "order", f"its order was changed: event {entry.seq} says {event.merchant_uid}"
        is_of_payment = entry.seq == 1 or event.type == "approved"
        if is_of_payment and event.amount_krw != payment.amount_krw:
            text = f"it is {payment.amount_krw}, event {entry.seq} says {event.amount_krw}"
            yield "amount", f"its amount was changed: {text}"
    approval = _last(genuine, lambda event: event.type in _APPROVALS)
    pg_tid = approval.event.pg_tid if approval else None
    if payment.pg_tid != pg_tid and (approval or not is_approved(row)):
        yield "pg_number", f"its PG number was changed: it is {payment.pg_tid}, not {pg_tid}"
    buyer = _last(genuine, lambda event: event.buyer_digest is not None)
    if buyer and facts.buyer_digest(keys, buyer.event.key_id) != buyer.event.buyer_digest:
        yield "buyer", f"its buyer was changed after event {buyer.seq} ({buyer.event.type})"
    details = _last(
        genuine, lambda event: event.type not in REQUESTS and event.details_digest is not None
    )
    if details and facts.details_digest(keys, details.event.key_id) != details.event.details_digest:
        yield "details", f"its row was changed after event {details.seq} ({details.event.type})"


def _attempts(
    row: LedgerPayment, genuine: list[LedgerEvent], keys: MacKeys
) -> Iterator[tuple[Check, str]]:
    """Compare the attempts with the events that requested them and that recorded their outcome."""
    attempts = {attempt.attempt_id: attempt for attempt in row.attempts}
    requested = {e.event.attempt_id: e for e in genuine if e.event.type in REQUESTS}
    for entry in genuine:
        if entry.event.attempt_id is not None and entry.event.attempt_id not in attempts:
            yield "attempt", f"event {entry.seq} names {entry.event.attempt_id}, which is missing"
    for attempt in row.attempts:
        request = requested.get(attempt.attempt_id)
        if request is None:
            yield "attempt", f"no genuine event requested {attempt.attempt_id}"
        elif request.event.details_digest not in (
            None,
            attempt.facts.digest(keys, request.event.key_id),
        ):
            yield "attempt", f"{attempt.attempt_id} was changed after event {request.seq}"
    for attempt in row.attempts:
        if attempt.state == "approved" and not attempt.is_reversal:
            yield from _outcome(attempt, genuine)


def _outcome(attempt: LedgerAttempt, genuine: list[LedgerEvent]) -> Iterator[tuple[Check, str]]:
    types = ("cancelled",) if attempt.kind is AttemptKind.CANCEL else _APPROVALS
    outcomes = [
        entry.event
        for entry in genuine
        if entry.event.attempt_id == attempt.attempt_id and entry.event.type in types
    ]
    if len(outcomes) != 1:
        text = f"{attempt.attempt_id} is approved, and {len(outcomes)} genuine events say so"
        yield "attempt", text
    elif outcomes[0].pg_tid != attempt.pg_tid:
        text = f"it is {attempt.pg_tid}, not {outcomes[0].pg_tid}"
        yield "pg_number", f"the PG number of {attempt.attempt_id} was changed: {text}"


def _windows(row: LedgerPayment) -> Iterator[tuple[Check, str]]:
    if not row.window_orders:
        return
    for attempt in row.attempts:
        is_of_window = attempt.kind in (AttemptKind.APPROVE, AttemptKind.ISSUE_KEY)
        if is_of_window and attempt.pg_order_id not in row.window_orders:
            yield "window", f"no window has the PG order {attempt.pg_order_id} of its attempt"


def _last(
    entries: list[LedgerEvent], is_match: Callable[[PaymentEvent], bool]
) -> LedgerEvent | None:
    return next((entry for entry in reversed(entries) if is_match(entry.event)), None)

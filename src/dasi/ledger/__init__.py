"""Payments, attempts and their events as rows. Nobody else writes these tables.

The stores are part of the public API: one transaction of a charge spans them and the webhook.
"""

from dasi.ledger import attempt_store, lookup_backoff, payment_store, reserve_store
from dasi.ledger.attempt_store import Asked, evidence_of
from dasi.ledger.payment import (
    AMOUNT_MAX_KRW,
    TRANSITIONS,
    Buyer,
    Cancellation,
    Payment,
    Status,
    assert_may_become,
)
from dasi.ledger.payment_store import PAYMENT_COLUMNS, PAYMENT_SOURCE, to_payment
from dasi.ledger.payments import find_payment, refuse_taken_order, refuse_used_key_order

__all__ = [
    "AMOUNT_MAX_KRW",
    "PAYMENT_COLUMNS",
    "PAYMENT_SOURCE",
    "TRANSITIONS",
    "Asked",
    "Buyer",
    "Cancellation",
    "Payment",
    "Status",
    "assert_may_become",
    "attempt_store",
    "evidence_of",
    "find_payment",
    "lookup_backoff",
    "payment_store",
    "refuse_taken_order",
    "refuse_used_key_order",
    "reserve_store",
    "to_payment",
]

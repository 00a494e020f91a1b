"""Payments, attempts and their events as rows. No other package writes these tables.

The stores are part of the public API: one transaction of a charge spans them and the webhook.
"""

from dasi.ledger import (
    attempt_store,
    key_attempt_store,
    lookup_backoff,
    payment_store,
    reserve_store,
)
from dasi.ledger.attempt_store import PaymentAttempt
from dasi.ledger.payment import (
    AMOUNT_MAX_KRW,
    MERCHANT_UID_MAX,
    TRANSITIONS,
    Buyer,
    Cancellation,
    ChargeDetails,
    Payment,
    Status,
    assert_may_become,
)
from dasi.ledger.payment_store import PAYMENT_COLUMNS, PAYMENT_SOURCE, to_payment
from dasi.ledger.payments import ensure_order_available, find_payment

__all__ = [
    "AMOUNT_MAX_KRW",
    "MERCHANT_UID_MAX",
    "PAYMENT_COLUMNS",
    "PAYMENT_SOURCE",
    "TRANSITIONS",
    "Buyer",
    "Cancellation",
    "ChargeDetails",
    "Payment",
    "PaymentAttempt",
    "Status",
    "assert_may_become",
    "attempt_store",
    "ensure_order_available",
    "find_payment",
    "key_attempt_store",
    "lookup_backoff",
    "payment_store",
    "reserve_store",
    "to_payment",
]

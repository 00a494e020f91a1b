"""The operations that move money: charge, cancel, reverse, and resolve what is not known."""

from dasi.payments.cancel import CancelRequest, cancel
from dasi.payments.charge import ChargeRequest, charge
from dasi.payments.record import Outcome, PaymentRef, record_or_in_doubt
from dasi.payments.replay import find_by_idempotency_key
from dasi.payments.resolve import lookup_attempt, lookup_now, resolve_due, resolve_inline
from dasi.payments.resolve_manually import resolve_manually

__all__ = [
    "CancelRequest",
    "ChargeRequest",
    "Outcome",
    "PaymentRef",
    "cancel",
    "charge",
    "find_by_idempotency_key",
    "lookup_attempt",
    "lookup_now",
    "record_or_in_doubt",
    "resolve_due",
    "resolve_inline",
    "resolve_manually",
]

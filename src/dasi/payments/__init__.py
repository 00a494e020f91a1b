"""The operations that move money: charge, reverse, record, and resolve what is not known."""

from dasi.payments.charge import ChargeRequest, charge
from dasi.payments.either_day import send_on_either_day
from dasi.payments.record import Outcome, record_or_in_doubt
from dasi.payments.record_cancel import record_cancel
from dasi.payments.resolve import (
    lookup_attempt,
    lookup_now,
    resolve_cancel_inline,
    resolve_due,
    resolve_inline,
)
from dasi.payments.resolve_manually import resolve_manually

__all__ = [
    "ChargeRequest",
    "Outcome",
    "charge",
    "lookup_attempt",
    "lookup_now",
    "record_cancel",
    "record_or_in_doubt",
    "resolve_cancel_inline",
    "resolve_due",
    "resolve_inline",
    "resolve_manually",
    "send_on_either_day",
]

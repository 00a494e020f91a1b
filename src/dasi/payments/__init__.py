"""The operations that move money: charge, cancel, reverse, and resolve what is not known."""

from dasi.payments.cancel import CancelRequest, cancel
from dasi.payments.charge import ChargeRequest, charge
from dasi.payments.pg_notifications import SEALED_NOTICES, store_notice, work_on_notice
from dasi.payments.record import Outcome, PaymentRef, record_or_doubt
from dasi.payments.replay import find_by_idempotency_key
from dasi.payments.resolve import look_again, reconcile_due, settle_on_the_spot
from dasi.payments.resolve_manually import decide

__all__ = [
    "SEALED_NOTICES",
    "CancelRequest",
    "ChargeRequest",
    "Outcome",
    "PaymentRef",
    "cancel",
    "charge",
    "decide",
    "find_by_idempotency_key",
    "look_again",
    "reconcile_due",
    "record_or_doubt",
    "settle_on_the_spot",
    "store_notice",
    "work_on_notice",
]

"""The payments' room: one order's money story, from the request to the last cancel."""

from dasi.payments.cancel import CancelWish, cancel
from dasi.payments.charge import ChargeWish, charge
from dasi.payments.decide import decide
from dasi.payments.expire import expire_windows
from dasi.payments.open_window import PgRefusedWindow, close_window, open_window, view_window
from dasi.payments.order_rules import refuse_taken_order
from dasi.payments.pay_in_window import take_return
from dasi.payments.payment import (
    AMOUNT_MAX_KRW,
    Buyer,
    Cancellation,
    PaidCard,
    Payment,
    Status,
)
from dasi.payments.payment_filter import Moment, Page, PaymentFilter, Sorting
from dasi.payments.prepare import change_prepared, find_prepared, prepare
from dasi.payments.prepared import Prepared
from dasi.payments.reconcile import reconcile_due
from dasi.payments.resume import resume
from dasi.payments.search import find_by_order, find_payment, find_payments, list_payments
from dasi.payments.take_notice import store_notice, work_on_notice
from dasi.payments.verify import Complaint, Report, verify
from dasi.payments.window import OpenedWindow, WindowView, WindowWish
from dasi.payments.worklist import Doubt, list_doubts

__all__ = [
    "AMOUNT_MAX_KRW",
    "Buyer",
    "CancelWish",
    "Cancellation",
    "ChargeWish",
    "Complaint",
    "Doubt",
    "Moment",
    "OpenedWindow",
    "Page",
    "PaidCard",
    "Payment",
    "PaymentFilter",
    "PgRefusedWindow",
    "Prepared",
    "Report",
    "Sorting",
    "Status",
    "WindowView",
    "WindowWish",
    "cancel",
    "change_prepared",
    "charge",
    "close_window",
    "decide",
    "expire_windows",
    "find_by_order",
    "find_payment",
    "find_payments",
    "find_prepared",
    "list_doubts",
    "list_payments",
    "open_window",
    "prepare",
    "reconcile_due",
    "refuse_taken_order",
    "resume",
    "store_notice",
    "take_return",
    "verify",
    "view_window",
    "work_on_notice",
]

"""The payments' room: one order's money story, from the request to the last cancel."""

from dasi.payments.alarms import publish_doubts
from dasi.payments.browse import browse_payments, every_payment
from dasi.payments.browsing import Browse, Found, Place
from dasi.payments.cancel import CancelWish, cancel
from dasi.payments.charge import ChargeWish, charge
from dasi.payments.count import count_payments
from dasi.payments.decide import decide
from dasi.payments.expire import expire_windows
from dasi.payments.numbers import DayNumbers, DoubtNumbers, day_numbers, doubt_numbers
from dasi.payments.open_window import PgRefusedWindow, close_window, open_window, view_window
from dasi.payments.order_rules import find_payment, refuse_taken_order
from dasi.payments.pay_in_window import take_return
from dasi.payments.payment import (
    AMOUNT_MAX_KRW,
    Buyer,
    Cancellation,
    PaidCard,
    Payment,
    Status,
)
from dasi.payments.payment_filter import Moment, Page, PaymentFilter, PaymentVersion, Sorting
from dasi.payments.prepare import change_prepared, find_prepared, prepare
from dasi.payments.prepared import Prepared
from dasi.payments.reconcile import look_again, reconcile_due
from dasi.payments.resume import resume
from dasi.payments.search import find_by_order, find_payments, list_payments
from dasi.payments.story import (
    browse_doubts,
    is_doubt,
    list_doubts_of,
    tell_story,
)
from dasi.payments.story_lines import AttemptLine, DoubtLine, EventLine, Story, WindowLine
from dasi.payments.take_notice import SEALED_NOTICES, store_notice, work_on_notice
from dasi.payments.verify import Complaint, Report, verify
from dasi.payments.window import OpenedWindow, WindowView, WindowWish
from dasi.payments.worklist import Doubt, list_doubts

__all__ = [
    "AMOUNT_MAX_KRW",
    "SEALED_NOTICES",
    "AttemptLine",
    "Browse",
    "Buyer",
    "CancelWish",
    "Cancellation",
    "ChargeWish",
    "Complaint",
    "DayNumbers",
    "Doubt",
    "DoubtLine",
    "DoubtNumbers",
    "EventLine",
    "Found",
    "Moment",
    "OpenedWindow",
    "Page",
    "PaidCard",
    "Payment",
    "PaymentFilter",
    "PaymentVersion",
    "PgRefusedWindow",
    "Place",
    "Prepared",
    "Report",
    "Sorting",
    "Status",
    "Story",
    "WindowLine",
    "WindowView",
    "WindowWish",
    "browse_doubts",
    "browse_payments",
    "cancel",
    "change_prepared",
    "charge",
    "close_window",
    "count_payments",
    "day_numbers",
    "decide",
    "doubt_numbers",
    "every_payment",
    "expire_windows",
    "find_by_order",
    "find_payment",
    "find_payments",
    "find_prepared",
    "is_doubt",
    "list_doubts",
    "list_doubts_of",
    "list_payments",
    "look_again",
    "open_window",
    "prepare",
    "publish_doubts",
    "reconcile_due",
    "refuse_taken_order",
    "resume",
    "store_notice",
    "take_return",
    "tell_story",
    "verify",
    "view_window",
    "work_on_notice",
]

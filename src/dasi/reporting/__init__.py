"""Read payments: lists, search, counts, statistics, one payment in detail, and the ledger check."""

from dasi.reporting.console_search import browse_payments, every_payment
from dasi.reporting.counts import count_payments
from dasi.reporting.daily_stats import DayNumbers, day_numbers, doubt_numbers
from dasi.reporting.detail import browse_doubts, is_doubt, tell_story
from dasi.reporting.detail_types import AttemptLine, EventLine, Story
from dasi.reporting.payment_filter import Moment, Page, PaymentFilter, PaymentVersion, Sorting
from dasi.reporting.payment_list import find_by_order, find_payments, list_payments
from dasi.reporting.search_terms import Browse, Place
from dasi.reporting.unresolved import Doubt, list_doubts
from dasi.reporting.unresolved_metrics import publish_doubts
from dasi.reporting.verify import Complaint, Report, verify

__all__ = [
    "AttemptLine",
    "Browse",
    "Complaint",
    "DayNumbers",
    "Doubt",
    "EventLine",
    "Moment",
    "Page",
    "PaymentFilter",
    "PaymentVersion",
    "Place",
    "Report",
    "Sorting",
    "Story",
    "browse_doubts",
    "browse_payments",
    "count_payments",
    "day_numbers",
    "doubt_numbers",
    "every_payment",
    "find_by_order",
    "find_payments",
    "is_doubt",
    "list_doubts",
    "list_payments",
    "publish_doubts",
    "tell_story",
    "verify",
]

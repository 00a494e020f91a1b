"""Read payments: lists, search, counts, statistics, one payment in detail, and the ledger check."""

from dasi.reporting.console_search import browse_payments, iter_payments
from dasi.reporting.counts import count_payments
from dasi.reporting.daily_stats import DailyStats, daily_stats, doubt_numbers
from dasi.reporting.detail import browse_doubts, get_payment_detail, is_doubt
from dasi.reporting.detail_types import AttemptDetail, PaymentDetail, PaymentEvent
from dasi.reporting.payment_filter import (
    PaymentFilter,
    PaymentVersion,
    Sorting,
    TimestampField,
    VersionPage,
)
from dasi.reporting.payment_list import find_by_order, find_payments, list_payments
from dasi.reporting.search_terms import Cursor, PaymentQuery
from dasi.reporting.unresolved import Doubt, list_doubts
from dasi.reporting.unresolved_metrics import publish_doubts
from dasi.reporting.verify import Discrepancy, VerificationReport, verify_ledger

__all__ = [
    "AttemptDetail",
    "Cursor",
    "DailyStats",
    "Discrepancy",
    "Doubt",
    "PaymentDetail",
    "PaymentEvent",
    "PaymentFilter",
    "PaymentQuery",
    "PaymentVersion",
    "Sorting",
    "TimestampField",
    "VerificationReport",
    "VersionPage",
    "browse_doubts",
    "browse_payments",
    "count_payments",
    "daily_stats",
    "doubt_numbers",
    "find_by_order",
    "find_payments",
    "get_payment_detail",
    "is_doubt",
    "iter_payments",
    "list_doubts",
    "list_payments",
    "publish_doubts",
    "verify_ledger",
]

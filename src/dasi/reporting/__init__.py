"""Read payments: lists, search, counts, statistics, one payment in detail, and the ledger check."""

from dasi.reporting.console_search import browse_payments, iter_payments
from dasi.reporting.counts import count_payments
from dasi.reporting.daily_stats import DailyStats, count_unresolved, daily_stats
from dasi.reporting.detail import get_payment_detail, is_unresolved, list_unresolved_page
from dasi.reporting.detail_types import AttemptDetail, PaymentDetail, PaymentEvent
from dasi.reporting.payment_filter import (
    PaymentFilter,
    PaymentVersion,
    Sorting,
    TimestampField,
    VersionPage,
)
from dasi.reporting.payment_list import find_by_order, find_payments, list_payments
from dasi.reporting.search_terms import PaymentQuery
from dasi.reporting.unresolved import UnresolvedAttempt, list_unresolved
from dasi.reporting.unresolved_metrics import publish_unresolved_metrics
from dasi.reporting.verify import Discrepancy, VerificationReport, verify_ledger

__all__ = [
    "AttemptDetail",
    "DailyStats",
    "Discrepancy",
    "PaymentDetail",
    "PaymentEvent",
    "PaymentFilter",
    "PaymentQuery",
    "PaymentVersion",
    "Sorting",
    "TimestampField",
    "UnresolvedAttempt",
    "VerificationReport",
    "VersionPage",
    "browse_payments",
    "count_payments",
    "count_unresolved",
    "daily_stats",
    "find_by_order",
    "find_payments",
    "get_payment_detail",
    "is_unresolved",
    "iter_payments",
    "list_payments",
    "list_unresolved",
    "list_unresolved_page",
    "publish_unresolved_metrics",
    "verify_ledger",
]

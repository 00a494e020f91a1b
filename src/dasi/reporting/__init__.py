"""Read payments: lists, counts, statistics, one payment in detail, and the ledger check."""

from dasi.reporting.counts import count_payments
from dasi.reporting.daily_stats import daily_stats
from dasi.reporting.detail import PaymentDetail, get_payment_detail
from dasi.reporting.payment_filter import PaymentFilter, PaymentVersion, Sorting, VersionPage
from dasi.reporting.payment_list import find_by_order, find_payments, list_payments
from dasi.reporting.stopped_work import publish_stopped_metrics
from dasi.reporting.unresolved import (
    UnresolvedAttempt,
    count_unresolved,
    list_unresolved,
    list_unresolved_any_merchant,
    publish_unresolved_metrics,
)

__all__ = [
    "PaymentDetail",
    "PaymentFilter",
    "PaymentVersion",
    "Sorting",
    "UnresolvedAttempt",
    "VersionPage",
    "count_payments",
    "count_unresolved",
    "daily_stats",
    "find_by_order",
    "find_payments",
    "get_payment_detail",
    "list_payments",
    "list_unresolved",
    "list_unresolved_any_merchant",
    "publish_stopped_metrics",
    "publish_unresolved_metrics",
]

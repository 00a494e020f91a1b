"""Search payments as users of the console do: lists, exports, sums and possible duplicates."""

from dasi.payment_search.duplicates_store import find_duplicates
from dasi.payment_search.payment_query import PaymentQuery
from dasi.payment_search.search_store import browse_payments, iter_payments
from dasi.payment_search.summary_store import PaymentSummary, summarize_payments

__all__ = [
    "PaymentQuery",
    "PaymentSummary",
    "browse_payments",
    "find_duplicates",
    "iter_payments",
    "summarize_payments",
]

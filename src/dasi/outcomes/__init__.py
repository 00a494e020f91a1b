"""Outcomes of requests to the PG: record them, resolve unknown ones, reverse late approvals."""

from dasi.outcomes.either_day import send_on_either_day
from dasi.outcomes.record import Outcome, in_doubt_on_db_failure, record_charge, record_or_in_doubt
from dasi.outcomes.record_cancel import record_cancel
from dasi.outcomes.resolve import (
    lookup_attempt,
    lookup_now,
    record_resolution,
    resolve_cancel_inline,
    resolve_due,
    resolve_inline,
)
from dasi.outcomes.resolve_manually import resolve_manually

__all__ = [
    "Outcome",
    "in_doubt_on_db_failure",
    "lookup_attempt",
    "lookup_now",
    "record_cancel",
    "record_charge",
    "record_or_in_doubt",
    "record_resolution",
    "resolve_cancel_inline",
    "resolve_due",
    "resolve_inline",
    "resolve_manually",
    "send_on_either_day",
]

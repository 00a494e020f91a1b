"""When to look up an unresolved attempt, and until when (M5). Pure functions of moments.

KICC answers about yesterday and today only, in Korean days. So lookups of an attempt end with the
day after its own, and an attempt that is unresolved shortly before that is escalated.
"""

from datetime import date, datetime, time, timedelta

from dasi.foundation.clock import KST

DELAYS = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 60, 300, 1_800))
"""From the sending of the request to each lookup; then hourly."""

PG_PROCESSING_MAX = DELAYS[-1]
"""The issuer's leg may run this long: only then does "not found" mean that nothing happened."""

REQUEST_MAX = timedelta(seconds=40)
"""A request has ended after this, with or without an answer: its timeout is 30 s."""

_STEADY_INTERVAL = timedelta(hours=1)
_ESCALATION_MARGIN = timedelta(minutes=30)


def first_lookup_at(sent_at: datetime) -> datetime:
    return sent_at + DELAYS[0]


def next_lookup_at(sent_at: datetime, now: datetime) -> datetime:
    """The next lookup after `now`. Lookups that were missed are not repeated."""
    for delay in DELAYS:
        if sent_at + delay > now:
            return sent_at + delay
    return now + _STEADY_INTERVAL


def deadline(business_date: date) -> datetime:
    """When an attempt is escalated: half an hour before the PG stops answering about it."""
    end = datetime.combine(business_date + timedelta(days=2), time.min, tzinfo=KST)
    return end - _ESCALATION_MARGIN

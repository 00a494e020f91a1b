"""Payment events and what they state of a payment's rows, under a keyed hash."""

from dasi.payment_events.event import (
    REQUESTS,
    AttemptFacts,
    PaymentDetails,
    PaymentEvent,
    PaymentFacts,
    charge_requested,
    microseconds,
    new_event,
)

__all__ = [
    "REQUESTS",
    "AttemptFacts",
    "PaymentDetails",
    "PaymentEvent",
    "PaymentFacts",
    "charge_requested",
    "microseconds",
    "new_event",
]

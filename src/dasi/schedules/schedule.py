"""The schedule: a charge scheduled for later. Shapes and pure rules; no SQL, no outside calls.

`scheduled`  waits for its time
`running`    a worker has it; whether it charged is known from the order's payment
`executed`   it was charged or declined: its payment says which
`revoked`    taken back before it ran
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from dasi.ledger import Buyer, Status

BATCH_MAX = 1_000
"""Schedules scheduled in one call."""
HORIZON = timedelta(days=366 * 5)
"""How far ahead a charge may be scheduled."""


class ScheduleStatus(StrEnum):
    SCHEDULED = "scheduled"
    RUNNING = "running"
    EXECUTED = "executed"
    REVOKED = "revoked"


TRANSITIONS: dict[ScheduleStatus, frozenset[ScheduleStatus]] = {
    ScheduleStatus.SCHEDULED: frozenset({ScheduleStatus.RUNNING, ScheduleStatus.REVOKED}),
    ScheduleStatus.RUNNING: frozenset({ScheduleStatus.EXECUTED, ScheduleStatus.SCHEDULED}),
    # Declined ones, and ones revoked, may be tried again or scheduled again.
    ScheduleStatus.EXECUTED: frozenset({ScheduleStatus.RUNNING, ScheduleStatus.SCHEDULED}),
    ScheduleStatus.REVOKED: frozenset({ScheduleStatus.RUNNING, ScheduleStatus.SCHEDULED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """One charge to book. Checked for types and lengths by the face that read it."""

    merchant_uid: str
    schedule_at: datetime
    amount_krw: int
    name: str | None = None
    buyer: Buyer = field(default_factory=Buyer)
    """What is absent is inherited from the key."""
    tax_free_krw: int | None = None
    quota_months: int = 0
    custom_data: str | None = None
    notice_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    merchant_id: int
    schedule_id: str
    merchant_uid: str
    customer_uid: str
    customer_id: str | None
    status: ScheduleStatus
    schedule_at: datetime
    """On the merchant's clock."""
    due_at: datetime
    """The same moment on the machine's clock."""
    amount_krw: int
    tax_free_krw: int | None
    name: str
    buyer: Buyer
    custom_data: str | None
    notice_urls: tuple[str, ...]
    card_quota: int
    imp_uid: str | None
    """Of the newest run."""
    payment_status: Status | None
    """Of that payment, as it is now."""
    fail_reason: str | None
    executed_at: datetime | None
    revoked_at: datetime | None
    retries: int
    """How often it was put back by the merchant's plan of retries."""
    version: int


def has_failed(schedule: Schedule) -> bool:
    """It ran and the answer was no."""
    return schedule.status is ScheduleStatus.EXECUTED and schedule.payment_status is Status.FAILED

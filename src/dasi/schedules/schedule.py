"""A charge scheduled for later: its types and pure rules; no SQL, no outside calls.

`scheduled`  waits for its time
`running`    a worker runs it; the order's payment shows whether it charged
`executed`   the PG approved or declined it: its payment shows which
`revoked`    cancelled before it ran
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dasi.ledger import ChargeDetails, Status

BATCH_MAX = 1_000
"""The most schedules one call may create."""
HORIZON = timedelta(days=366 * 5)
"""How far ahead a charge may be scheduled."""


class ScheduleStatus(StrEnum):
    """The statuses of a schedule. The module's docstring has their meanings."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    EXECUTED = "executed"
    REVOKED = "revoked"


TRANSITIONS: dict[ScheduleStatus, frozenset[ScheduleStatus]] = {
    ScheduleStatus.SCHEDULED: frozenset({ScheduleStatus.RUNNING, ScheduleStatus.REVOKED}),
    ScheduleStatus.RUNNING: frozenset({ScheduleStatus.EXECUTED, ScheduleStatus.SCHEDULED}),
    # A declined or revoked schedule may be retried or scheduled again.
    ScheduleStatus.EXECUTED: frozenset({ScheduleStatus.RUNNING, ScheduleStatus.SCHEDULED}),
    ScheduleStatus.REVOKED: frozenset({ScheduleStatus.RUNNING, ScheduleStatus.SCHEDULED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A charge that a merchant schedules; the interface has checked types and lengths."""

    details: ChargeDetails
    schedule_at: datetime


class Schedule(ChargeDetails, frozen=True, kw_only=True):
    """A scheduled charge with its state and the payment of its newest run."""

    name: str
    merchant_id: int
    schedule_id: str
    customer_uid: str
    customer_id: str | None
    channel_id: int
    is_sandbox: bool
    """The mode of the customer's key when the payment was scheduled."""
    status: ScheduleStatus
    schedule_at: datetime
    """On the merchant's clock."""
    due_at: datetime
    """The same moment on the machine's clock."""
    imp_uid: str | None
    """Of the newest run."""
    payment_status: Status | None
    """Of that payment, as it is now. Failed if the order was paid with another amount."""
    other_amount_krw: int | None
    """The amount of the payment that took the order, if it is another one."""
    fail_reason: str | None
    executed_at: datetime | None
    revoked_at: datetime | None
    retries: int
    """How often the retry policy has scheduled it again."""
    version: int


def awaits_planned_retry(schedule: Schedule) -> bool:
    """Tell whether it was declined and waits for a retry by the merchant's policy."""
    return schedule.status is ScheduleStatus.SCHEDULED and schedule.payment_status is Status.FAILED


def has_failed(schedule: Schedule) -> bool:
    """Tell whether the schedule ran and its charge failed."""
    return schedule.status is ScheduleStatus.EXECUTED and schedule.payment_status is Status.FAILED

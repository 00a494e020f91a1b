"""What a list of payments is about, and in which order. Shapes only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from dasi.ledger import Status

TimestampField = Literal["started", "paid", "failed", "cancelled", "updated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """Which moment orders a list. Payments that have no such moment come last."""

    by: TimestampField = "started"
    newest_first: bool = True


NEWEST_FIRST = Sorting()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """What a list is about; None means any."""

    merchant_uid: str | None = None
    customer_uid: str | None = None
    statuses: frozenset[Status] = frozenset(Status)
    by: TimestampField = "started"
    """Which moment `since` and `until` are about; both ends belong to the range."""
    since: datetime | None = None
    until: datetime | None = None


class PaymentVersion(NamedTuple):
    """A payment as a list saw it. As long as this is the same, so is all that is shown of it."""

    imp_uid: str
    version: int
    status: str
    updated_at: datetime
    is_sandbox: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPage:
    """What is on one page, out of `total`."""

    found: list[PaymentVersion]
    total: int

"""The filter, the order and the page of a list of payments. Shapes only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from dasi.ledger import Status

TimestampField = Literal["started", "paid", "failed", "cancelled", "updated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """The timestamp that orders a list. Payments without that timestamp come last."""

    by: TimestampField = "started"
    newest_first: bool = True


NEWEST_FIRST = Sorting()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """The payments of a list; None means any."""

    include_sandbox: bool
    """Whether payments of test channels belong to it."""
    merchant_uid: str | None = None
    customer_uid: str | None = None
    statuses: frozenset[Status] = frozenset(Status)
    by: TimestampField = "started"
    """The timestamp that `since` and `until` bound; both ends belong to the range."""
    since: datetime | None = None
    until: datetime | None = None


class PaymentVersion(NamedTuple):
    """A payment as a list read it. While this is equal, the payment's JSON is equal too."""

    imp_uid: str
    version: int
    status: str
    updated_at: datetime
    is_sandbox: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPage:
    """The payments of one page, and how many the whole list has."""

    versions: list[PaymentVersion]
    total: int

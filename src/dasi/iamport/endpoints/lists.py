"""What lists have in common: pages, limits, sorting, ranges of moments, words for a status."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dasi.foundation.errors import Invalid, Refused
from dasi.iamport.schema.params import Boolean, Enum, Integer
from dasi.ledger import Status
from dasi.reporting import Sorting, TimestampField

LIMIT_DEFAULT, LIMIT_MAX = 20, 1_000
PAGE_MAX = 1_000_000
EPOCH_S_MAX = 253_402_300_799
"""The last second of the year 9999."""
SPAN_MAX = timedelta(days=90)

PAGE = Integer("page", minimum=1, maximum=PAGE_MAX)
LIMIT = Integer("limit", minimum=1, maximum=LIMIT_MAX)
FROM = Integer("from", maximum=EPOCH_S_MAX)
TO = Integer("to", maximum=EPOCH_S_MAX)
SORTING = Enum("sorting", ("-started", "started", "-paid", "paid", "-updated", "updated"))
INCLUDE_SANDBOX = Boolean("include_sandbox")

_TIMESTAMP_FIELDS: dict[str, TimestampField] = {
    "started": "started",
    "paid": "paid",
    "updated": "updated",
}
# Their word for a status, and which of ours it covers.
STATUSES: dict[str, frozenset[Status]] = {
    "ready": frozenset({Status.READY, Status.PENDING}),
    "paid": frozenset({Status.PAID}),
    "cancelled": frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
    "failed": frozenset({Status.FAILED}),
}
# Published clients send these when they mean nothing.
NO_FILTER = ("", "all", "undefined")


def statuses_of(word: str) -> frozenset[Status]:
    """What a status in a path means. `bad_status` for a word that is none."""
    if word in NO_FILTER:
        return frozenset(Status)
    if word not in STATUSES:
        raise Refused("bad_status")
    return STATUSES[word]


def sorting_of(given: dict[str, Any]) -> Sorting:
    """`-started` and its kind; newest first by when it was started unless told otherwise."""
    word: str = given["sorting"] or "-started"
    return Sorting(by=_TIMESTAMP_FIELDS[word.lstrip("-")], newest_first=word.startswith("-"))


def page_of(given: dict[str, Any]) -> tuple[int, int]:
    """(page, limit)."""
    return given["page"] or 1, given.get("limit") or LIMIT_DEFAULT


def range_of(given: dict[str, Any], *, now: datetime) -> tuple[datetime, datetime]:
    """`from` to `to`, both ends included, 90 days at most; up to now and 90 days unless told."""
    until = now if given["to"] is None else _end_of_second(given["to"])
    if given["from"] is None:
        return until - SPAN_MAX, until
    since = datetime.fromtimestamp(given["from"], UTC)
    if since > until:
        raise Invalid("from", "not_after", other="to")
    if until - since > SPAN_MAX + timedelta(seconds=1):
        raise Invalid("from", "range_days", days=SPAN_MAX.days)
    return since, until


def _end_of_second(epoch_s: int) -> datetime:
    """Moments are told in whole seconds: a payment of that second is in the range."""
    return datetime.fromtimestamp(epoch_s, UTC).replace(microsecond=999_999)


def refuse_beyond(page: int, *, limit: int, total: int) -> None:
    """A page beyond the data is refused; the first page never is."""
    if page > 1 and (page - 1) * limit >= total:
        raise Invalid("page", "page_at_most", last_page=max(1, -(-total // limit)))

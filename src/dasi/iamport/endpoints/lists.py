"""Parameters that lists share: pages, limits, sorting, time ranges, statuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from dasi.foundation.clock import LAST_DAY, epoch_s, kst_range
from dasi.foundation.errors import Invalid, Refused
from dasi.iamport.endpoint import ApiRequest
from dasi.iamport.envelope import success
from dasi.iamport.schema.params import Enum, Integer
from dasi.ledger import Status
from dasi.reporting import PaymentFilter, Sorting, list_payments

LIMIT_DEFAULT, LIMIT_MAX = 20, 1_000
PAGE_MAX = 1_000_000
EPOCH_S_MAX = epoch_s(kst_range(LAST_DAY, LAST_DAY)[1]) - 1
"""The last second of the year 9998: later ones have no Korean time."""
SPAN_MAX = timedelta(days=90)

_SORTINGS = {
    "-started": Sorting(by="started", newest_first=True),
    "started": Sorting(by="started", newest_first=False),
    "-paid": Sorting(by="paid", newest_first=True),
    "paid": Sorting(by="paid", newest_first=False),
    "-updated": Sorting(by="updated", newest_first=True),
    "updated": Sorting(by="updated", newest_first=False),
}
PAGE = Integer("page", minimum=1, maximum=PAGE_MAX)
LIMIT = Integer("limit", minimum=1, maximum=LIMIT_MAX)
FROM = Integer("from", maximum=EPOCH_S_MAX)
TO = Integer("to", maximum=EPOCH_S_MAX)
SORTING = Enum("sorting", tuple(_SORTINGS))

# Iamport's status, and the statuses of ours that it covers.
STATUSES: dict[str, frozenset[Status]] = {
    "ready": frozenset({Status.READY, Status.PENDING}),
    "paid": frozenset({Status.PAID}),
    "cancelled": frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
    "failed": frozenset({Status.FAILED}),
}
# Published clients send these for no filter.
NO_FILTER = ("", "all", "undefined")


def statuses_of(status: str) -> frozenset[Status]:
    """Return the statuses that a status in a path covers. Refused: `bad_status`."""
    if status in NO_FILTER:
        return frozenset(Status)
    if status not in STATUSES:
        raise Refused("bad_status")
    return STATUSES[status]


def sorting_of(params: dict[str, Any]) -> Sorting:
    """Read `sorting`, such as `-started`, the default: a minus sorts newest first."""
    return _SORTINGS[params["sorting"] or "-started"]


def page_of(params: dict[str, Any]) -> tuple[int, int]:
    """Return `(page, limit)`."""
    return params["page"] or 1, params.get("limit") or LIMIT_DEFAULT


def range_of(params: dict[str, Any], *, now: datetime) -> tuple[datetime, datetime]:
    """Return the range `from` to `to`, both included, of at most 90 days.

    The default for `to` is now, for `from` 90 days before `to`.
    """
    until = now if params["to"] is None else _end_of_second(params["to"])
    if params["from"] is None:
        return until - SPAN_MAX, until
    since = datetime.fromtimestamp(params["from"], UTC)
    if since > until:
        raise Invalid("from", "not_after", other="to")
    if until - since > SPAN_MAX + timedelta(seconds=1):
        raise Invalid("from", "range_days", days=SPAN_MAX.days)
    return since, until


def _end_of_second(epoch_s: int) -> datetime:
    """Clients send whole seconds: a payment of that second is in the range."""
    return datetime.fromtimestamp(epoch_s, UTC).replace(microsecond=999_999)


def refuse_beyond(page: int, *, limit: int, total: int) -> None:
    """Refuse a page beyond the last one; the first page is always accepted."""
    if page > 1 and (page - 1) * limit >= total:
        raise Invalid("page", "page_at_most", last_page=max(1, -(-total // limit)))


async def payment_page(
    request: ApiRequest, payment_filter: PaymentFilter, *, if_empty: Refused | None = None
) -> Response:
    """Respond with the page of matching payments that the request names.

    Raises `if_empty`, where it is set and no payment matches.
    """
    page, limit = page_of(request.params)
    versions = await list_payments(
        request.engine,
        request.merchant.merchant_id,
        payment_filter,
        sorting=sorting_of(request.params),
        page=page,
        limit=limit,
    )
    if if_empty is not None and not versions.total:
        raise if_empty
    refuse_beyond(page, limit=limit, total=versions.total)
    merchant_id = request.merchant.merchant_id
    return success(
        await request.payment_cache.page(
            request.engine, merchant_id, versions, page=page, limit=limit
        )
    )

"""GET /payments/…: read payments."""

from typing import Any, Literal

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.errors import NotFound, Refused
from dasi.iamport.endpoint import ApiContext, ApiRequest, Endpoint, route
from dasi.iamport.endpoints import lists
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import Paged, PaymentObject
from dasi.iamport.rendering.views import payment_view
from dasi.iamport.schema.json_schema import Param
from dasi.iamport.schema.params import NameList, StringList
from dasi.ledger import MERCHANT_UID_MAX, Status, find_payment
from dasi.reporting import PaymentFilter, find_by_order, find_payments

_IDS_MAX = 100
# The time by which a list of that status is filtered; lists of other statuses use `started`.
_TIMESTAMP_FIELDS: dict[str, Literal["paid", "failed", "cancelled"]] = {
    "paid": "paid",
    "failed": "failed",
    "cancelled": "cancelled",
}
_MANY = (StringList("imp_uid", 40, _IDS_MAX), NameList("merchant_uid", MERCHANT_UID_MAX, _IDS_MAX))
_FIND_ALL = (lists.PAGE, lists.LIMIT, lists.SORTING)
_BY_STATUS = (*_FIND_ALL, lists.FROM, lists.TO)


def routes(context: ApiContext) -> list[Route]:
    page = Paged[PaymentObject]
    unknown = ("unknown_payment",)
    return [
        *route(
            context,
            "GET",
            "/payments",
            read_many,
            params=_MANY,
            response_type=list[PaymentObject],
            errors=(*unknown, "no_payment_id"),
            statuses=(200, 207),
        ),
        *_order_routes(
            context, "/payments/find", find, params=(lists.SORTING,), response_type=PaymentObject
        ),
        *_order_routes(
            context, "/payments/findAll", find_all, params=_FIND_ALL, response_type=page
        ),
        *route(
            context,
            "GET",
            "/payments/status/{payment_status}",
            by_status,
            params=_BY_STATUS,
            response_type=page,
            errors=("bad_status",),
        ),
        *route(
            context,
            "GET",
            "/payments/{imp_uid}",
            read,
            response_type=PaymentObject,
            errors=unknown,
        ),
    ]


def _order_routes(
    context: ApiContext,
    path: str,
    endpoint: Endpoint,
    *,
    params: tuple[Param, ...],
    response_type: Any,
) -> list[Route]:
    """Return the routes of one order: with a status, without, and with slashes in the order's name.

    Some clients do not escape such a slash.
    """
    ends = (
        "{merchant_uid}",
        "{merchant_uid}/{payment_status}",
        "{merchant_uid:path}/{payment_status}",
    )
    errors = ("unknown_payment", "bad_status")
    return [
        made
        for end in ends
        for made in route(
            context,
            "GET",
            f"{path}/{end}",
            endpoint,
            params=params,
            response_type=response_type,
            errors=errors,
        )
    ]


async def read(request: ApiRequest) -> Response:
    """One payment. 404 if this merchant has none of that id."""
    payment = await find_payment(
        request.engine, request.merchant.merchant_id, request.path["imp_uid"]
    )
    if payment.is_sandbox and not request.include_sandbox:
        raise NotFound("unknown_payment", imp_uid=payment.imp_uid)
    return success(payment_view(payment))


async def read_many(request: ApiRequest) -> Response:
    """Up to 100 payments by id and 100 by order. 207: some are unknown, 404: all are."""
    imp_uids, merchant_uids = request.params["imp_uid"] or (), request.params["merchant_uid"] or ()
    if not imp_uids and not merchant_uids:
        raise NotFound("no_payment_id")
    payments = await find_payments(
        request.engine,
        request.merchant.merchant_id,
        imp_uids=imp_uids,
        merchant_uids=merchant_uids,
        include_sandbox=request.include_sandbox,
    )
    if not payments:
        raise NotFound("unknown_payment")
    missing = (set(imp_uids) - {payment.imp_uid for payment in payments}) | (
        set(merchant_uids) - {payment.merchant_uid for payment in payments}
    )
    views = [payment_view(payment) for payment in payments]
    return success(views, http_status=207 if missing else 200)


async def find(request: ApiRequest) -> Response:
    """The first payment of an order, of one status or of any; of any, a paid one comes first."""
    merchant_uid, statuses = _order_and_status(request.path)
    try:
        payment = await find_by_order(
            request.engine,
            request.merchant.merchant_id,
            merchant_uid,
            statuses=statuses,
            include_sandbox=request.include_sandbox,
            sorting=lists.sorting_of(request.params) if request.params["sorting"] else None,
        )
    except NotFound as unknown:
        raise _unknown(request.path) from unknown
    return success(payment_view(payment))


async def find_all(request: ApiRequest) -> Response:
    """Every payment of an order, in pages."""
    merchant_uid, statuses = _order_and_status(request.path)
    return await lists.payment_page(
        request,
        PaymentFilter(
            merchant_uid=merchant_uid,
            statuses=statuses,
            include_sandbox=request.include_sandbox,
        ),
        if_empty=_unknown(request.path),
    )


async def by_status(request: ApiRequest) -> Response:
    """The payments of a status within a range of at most 90 days, in pages."""
    status = request.path["payment_status"]
    statuses = lists.statuses_of(status)
    since, until = lists.range_of(request.params, now=request.engine.clock.now())
    filters = PaymentFilter(
        statuses=statuses,
        by=_TIMESTAMP_FIELDS.get(status, "started"),
        since=since,
        until=until,
        include_sandbox=request.include_sandbox,
    )
    return await lists.payment_page(request, filters)


def _order_and_status(path: dict[str, str]) -> tuple[str, frozenset[Status]]:
    """Return the order and the statuses that a path names.

    An unescaped slash may belong to the order, so the last part is a status only if it names one.
    """
    merchant_uid, last_part = path["merchant_uid"], path.get("payment_status")
    if last_part is None:
        return merchant_uid, frozenset(Status)
    if last_part in lists.NO_FILTER or last_part in lists.STATUSES:
        return merchant_uid, lists.statuses_of(last_part)
    return f"{merchant_uid}/{last_part}", frozenset(Status)


def _unknown(path: dict[str, str]) -> Refused:
    """Return the refusal for an unknown order, or for a last part that is no status."""
    last_part = path.get("payment_status")
    if last_part is None or last_part in lists.NO_FILTER or last_part in lists.STATUSES:
        return NotFound("unknown_payment")
    return Refused("bad_status")

"""GET /payments/…: read payments."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.errors import NotFound, Refused
from dasi.iamport.endpoint import Act, Call, Face, route
from dasi.iamport.endpoints import lists
from dasi.iamport.envelope import answer
from dasi.iamport.rendering.objects import Paged, PaymentObject
from dasi.iamport.rendering.views import payment_view
from dasi.iamport.schema.params import Param, Texts
from dasi.ledger import Status, find_payment
from dasi.reporting import (
    PaymentFilter,
    TimestampField,
    find_by_order,
    find_payments,
    list_payments,
)

_IDS_MAX = 100
# The moment a list of a status is about; of any other it is when the payment was started.
_TIMESTAMP_FIELDS: dict[str, TimestampField] = {
    "paid": "paid",
    "failed": "failed",
    "cancelled": "cancelled",
}
_MANY = (Texts("imp_uid", 40, _IDS_MAX), Texts("merchant_uid", 40, _IDS_MAX))
_FIND_ALL = (lists.PAGE, lists.LIMIT, lists.SORTING)
_BY_STATUS = (*_FIND_ALL, lists.FROM, lists.TO)


def routes(face: Face) -> list[Route]:
    page = Paged[PaymentObject]
    unknown = ("unknown_payment",)
    return [
        *route(face, "GET", "/payments", read_many, params=_MANY, gives=list[PaymentObject],
               refuses=(*unknown, "no_payment_asked_for"), statuses=(200, 207)),
        *_order_routes(face, "/payments/find", find, params=(lists.SORTING,), gives=PaymentObject),
        *_order_routes(face, "/payments/findAll", find_all, params=_FIND_ALL, gives=page),
        *route(face, "GET", "/payments/status/{payment_status}", by_status, params=_BY_STATUS,
               gives=page, refuses=("bad_status",)),
        *route(face, "GET", "/payments/{imp_uid}", read, params=(lists.INCLUDE_SANDBOX,),
               gives=PaymentObject, refuses=unknown),
    ]  # fmt: skip


def _order_routes(
    face: Face, path: str, act: Act, *, params: tuple[Param, ...], gives: Any
) -> list[Route]:
    """With a status, without, and for names with a slash that clients leave as it is."""
    ends = ("{merchant_uid}/{payment_status}", "{merchant_uid}", "{merchant_uid:path}")
    refuses = ("unknown_payment", "bad_status")
    return [
        one
        for end in ends
        for one in route(
            face, "GET", f"{path}/{end}", act, params=params, gives=gives, refuses=refuses
        )
    ]


async def read(call: Call) -> Response:
    """One payment. 404 if this merchant has none of that id."""
    payment = await find_payment(call.engine, call.merchant.merchant_id, call.path["imp_uid"])
    asked = call.given["include_sandbox"]
    if payment.is_sandbox and not (call.shows_sandbox if asked is None else asked):
        raise NotFound("unknown_payment", imp_uid=payment.imp_uid)
    return answer(payment_view(payment))


async def read_many(call: Call) -> Response:
    """Up to 100 payments by id and 100 by order. 207: some were not found, 404: none was."""
    imp_uids, merchant_uids = call.given["imp_uid"] or (), call.given["merchant_uid"] or ()
    if not imp_uids and not merchant_uids:
        raise NotFound("no_payment_asked_for")
    found = await find_payments(
        call.engine, call.merchant.merchant_id, imp_uids=imp_uids, merchant_uids=merchant_uids
    )
    if not found:
        raise NotFound("unknown_payment")
    missing = (set(imp_uids) - {one.imp_uid for one in found}) | (
        set(merchant_uids) - {one.merchant_uid for one in found}
    )
    return answer([payment_view(one) for one in found], http_status=207 if missing else 200)


async def find(call: Call) -> Response:
    """The first payment of an order, of one status or of any."""
    merchant_uid, statuses = _order_and_status(call.path)
    try:
        payment = await find_by_order(
            call.engine,
            call.merchant.merchant_id,
            merchant_uid,
            statuses=statuses,
            sorting=lists.sorting_of(call.given),
        )
    except NotFound as unknown:
        raise _unknown(call.path) from unknown
    return answer(payment_view(payment))


async def find_all(call: Call) -> Response:
    """Every payment of an order, in pages."""
    merchant_uid, statuses = _order_and_status(call.path)
    page, limit = lists.page_of(call.given)
    found = await list_payments(
        call.engine,
        call.merchant.merchant_id,
        PaymentFilter(merchant_uid=merchant_uid, statuses=statuses),
        sorting=lists.sorting_of(call.given),
        page=page,
        limit=limit,
    )
    if not found.total:
        raise _unknown(call.path)
    lists.refuse_beyond(page, limit=limit, total=found.total)
    whose = (call.engine, call.merchant.merchant_id)
    return answer(await call.rendered.page(*whose, found, page=page, limit=limit))


async def by_status(call: Call) -> Response:
    """The payments of a status within a range of at most 90 days, in pages."""
    word = call.path["payment_status"]
    statuses = lists.statuses_of(word)
    page, limit = lists.page_of(call.given)
    since, until = lists.range_of(call.given, now=call.engine.clock.now())
    found = await list_payments(
        call.engine,
        call.merchant.merchant_id,
        PaymentFilter(
            statuses=statuses, by=_TIMESTAMP_FIELDS.get(word, "started"), since=since, until=until
        ),
        sorting=lists.sorting_of(call.given),
        page=page,
        limit=limit,
    )
    lists.refuse_beyond(page, limit=limit, total=found.total)
    whose = (call.engine, call.merchant.merchant_id)
    return answer(await call.rendered.page(*whose, found, page=page, limit=limit))


def _order_and_status(path: dict[str, str]) -> tuple[str, frozenset[Status]]:
    """An order's name may hold a slash: what follows the last one is a status only if it is one."""
    merchant_uid, word = path["merchant_uid"], path.get("payment_status")
    if word is None:
        merchant_uid, _, word = merchant_uid.rpartition("/")
        if not merchant_uid:
            return word, frozenset(Status)
    if word in lists.NO_FILTER or word in lists.STATUSES:
        return merchant_uid, lists.statuses_of(word)
    return f"{merchant_uid}/{word}", frozenset(Status)


def _unknown(path: dict[str, str]) -> Refused:
    """No such order; or, when a word followed it that is no status, no such status."""
    merchant_uid, _ = _order_and_status(path)
    return Refused("bad_status") if "/" in merchant_uid else NotFound("unknown_payment")

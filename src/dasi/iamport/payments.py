"""GET /payments/…: read payments."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.errors import Refused
from dasi.iamport.endpoint import Call, Face, route
from dasi.iamport.envelope import answer
from dasi.iamport.views import payment_view
from dasi.payments import Status, find_by_order, find_payment

# Their word for a status, and which of ours it covers.
STATUSES: dict[str, frozenset[Status]] = {
    "ready": frozenset({Status.READY, Status.PENDING}),
    "paid": frozenset({Status.PAID}),
    "cancelled": frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
    "failed": frozenset({Status.FAILED}),
}
_ANY = frozenset(Status)
_NO_FILTER = ("", "all", "undefined")  # published clients send these when they mean nothing


def routes(face: Face) -> list[Route]:
    return [
        *route(
            face, "GET", "/payments/find/{merchant_uid}/{payment_status}", find, reads_body=False
        ),
        *route(face, "GET", "/payments/find/{merchant_uid}", find, reads_body=False),
        *route(face, "GET", "/payments/{imp_uid}", read, reads_body=False),
    ]


async def read(call: Call) -> Response:
    """One payment. 404 if this merchant has none of that id."""
    payment = await find_payment(call.engine, call.merchant.merchant_id, call.path["imp_uid"])
    return answer(payment_view(payment))


async def find(call: Call) -> Response:
    """The newest payment of an order, of one status or of any."""
    payment = await find_by_order(
        call.engine,
        call.merchant.merchant_id,
        call.path["merchant_uid"],
        statuses=statuses_of(call.path.get("payment_status", "")),
    )
    return answer(payment_view(payment))


def statuses_of(word: str) -> frozenset[Status]:
    if word in _NO_FILTER:
        return _ANY
    if word not in STATUSES:
        raise Refused("bad_status")
    return STATUSES[word]

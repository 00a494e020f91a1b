"""/subscribe/customers/…: billing keys. An unknown one is HTTP 200 with code 1 (Iamport V1 8.1)."""

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

from dasi.billing_keys import delete_key, find_billing_key, find_billing_keys
from dasi.foundation.errors import NotAllowed, NotFound
from dasi.iamport.endpoint import Call, Face, route
from dasi.iamport.endpoints import lists
from dasi.iamport.envelope import answer
from dasi.iamport.rendering.objects import CustomerObject, Paged, PaymentObject
from dasi.iamport.rendering.views import customer_view
from dasi.iamport.schema.params import Prose, Texts
from dasi.reporting import PaymentFilter, list_payments
from dasi.schedules import revoke_of_deleted_key

_IDS_MAX = 100
_MANY = (Texts("customer_uid", 80, _IDS_MAX, is_required=True),)
_PAYMENTS = (lists.PAGE, lists.LIMIT, lists.SORTING)
_DELETE = (Prose("reason", 255),)
_CUSTOMERS = "/subscribe/customers"
ONE = (f"{_CUSTOMERS}/{{customer_uid}}", f"{_CUSTOMERS}/{{customer_uid:customer_path}}")
"""Clients leave a slash within a customer_uid as it is: the second spelling takes it."""


class _Slashed(PathConvertor):
    """A name with slashes in it, which clients leave as they are; not the lists of a name."""

    regex = r".*(?<!/payments)(?<!/payments/)(?<!/schedules)(?<!/schedules/)"


register_url_convertor("customer_path", _Slashed())


def routes(face: Face) -> list[Route]:
    unknown = ("unknown_billing_key",)
    routes = [
        *route(face, "GET", _CUSTOMERS, read_many, params=_MANY, gives=list[CustomerObject],
               refuses=("unknown_customers",), statuses=(200, 207)),
    ]  # fmt: skip
    for path in ONE:
        routes += [
            *route(face, "GET", f"{path}/payments", payments_of, params=_PAYMENTS,
                   gives=Paged[PaymentObject], refuses=("unknown_customers",)),
            *route(face, "GET", path, read, gives=CustomerObject, refuses=unknown),
            *route(face, "DELETE", path, delete, params=_DELETE, gives=CustomerObject,
                   refuses=unknown),
            *route(face, "POST", path, refuse_card_key, reads_body=False,
                   refuses=("key_only_in_window",)),
        ]  # fmt: skip
    return routes


async def read(call: Call) -> Response:
    """The billing key of a customer. Unknown: HTTP 200 and code 1, as four client suites ask."""
    key = await find_billing_key(call.engine, call.merchant.merchant_id, call.path["customer_uid"])
    return answer(customer_view(key))


async def read_many(call: Call) -> Response:
    """Up to 100 billing keys. 207 when some were not found, 404 when none was."""
    asked = call.given["customer_uid"]
    found = await find_billing_keys(call.engine, call.merchant.merchant_id, asked)
    if not found:
        raise NotFound("unknown_customers")
    is_whole = {one.customer_uid for one in found} == set(asked)
    return answer([customer_view(one) for one in found], http_status=200 if is_whole else 207)


async def payments_of(call: Call) -> Response:
    """Every payment of a customer, its registrations among them, in pages."""
    page, limit = lists.page_of(call.given)
    found = await list_payments(
        call.engine,
        call.merchant.merchant_id,
        PaymentFilter(customer_uid=call.path["customer_uid"]),
        sorting=lists.sorting_of(call.given),
        page=page,
        limit=limit,
    )
    if not found.total:
        raise NotFound("unknown_customers")
    lists.refuse_beyond(page, limit=limit, total=found.total)
    whose = (call.engine, call.merchant.merchant_id)
    return answer(await call.rendered.page(*whose, found, page=page, limit=limit))


async def delete(call: Call) -> Response:
    """Ends a billing key, here at once and at the PG as soon as it answers; the key that was.

    Charges scheduled on it are revoked in the same act (B5).
    """
    key = await delete_key(
        call.engine,
        call.merchant.merchant_id,
        call.path["customer_uid"],
        also=revoke_of_deleted_key,
    )
    return answer(customer_view(key))


async def refuse_card_key(_call: Call) -> Response:
    """KICC issues keys in its window only. The body, with its card number, is never read (B2)."""
    raise NotAllowed("key_only_in_window")

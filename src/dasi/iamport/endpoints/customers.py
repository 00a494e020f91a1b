"""/subscribe/customers/…: billing keys. An unknown one is HTTP 200 with code 1 (Iamport V1 8.1)."""

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

from dasi.billing_keys import delete_key, find_billing_key, find_billing_keys
from dasi.foundation.errors import NotAllowed, NotFound
from dasi.iamport.endpoint import ApiContext, ApiRequest, route
from dasi.iamport.endpoints import lists
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import CustomerObject, Paged, PaymentObject
from dasi.iamport.rendering.views import customer_view
from dasi.iamport.schema.params import FreeText, StringList
from dasi.reporting import PaymentFilter, list_payments
from dasi.schedules import revoke_of_deleted_key

_IDS_MAX = 100
_MANY = (StringList("customer_uid", 80, _IDS_MAX, is_required=True),)
_PAYMENTS = (lists.PAGE, lists.LIMIT, lists.SORTING)
_DELETE = (FreeText("reason", 255),)
_CUSTOMERS = "/subscribe/customers"
ONE = (f"{_CUSTOMERS}/{{customer_uid}}", f"{_CUSTOMERS}/{{customer_uid:customer_path}}")
"""Clients leave a slash within a customer_uid as it is: the second spelling takes it."""


class _Slashed(PathConvertor):
    """A name with slashes in it, which clients leave as they are; not the lists of a name."""

    regex = r".*(?<!/payments)(?<!/payments/)(?<!/schedules)(?<!/schedules/)"


register_url_convertor("customer_path", _Slashed())


def routes(context: ApiContext) -> list[Route]:
    unknown = ("unknown_billing_key",)
    routes = [
        *route(
            context,
            "GET",
            _CUSTOMERS,
            read_many,
            params=_MANY,
            response_type=list[CustomerObject],
            errors=("unknown_customers",),
            statuses=(200, 207),
        ),
    ]
    for path in ONE:
        routes += [
            *route(
                context,
                "GET",
                f"{path}/payments",
                payments_of,
                params=_PAYMENTS,
                response_type=Paged[PaymentObject],
                errors=("unknown_customers",),
            ),
            *route(context, "GET", path, read, response_type=CustomerObject, errors=unknown),
            *route(
                context,
                "DELETE",
                path,
                delete,
                params=_DELETE,
                response_type=CustomerObject,
                errors=unknown,
            ),
            *route(
                context,
                "POST",
                path,
                refuse_card_key,
                reads_body=False,
                errors=("key_only_in_window",),
            ),
        ]
    return routes


async def read(request: ApiRequest) -> Response:
    """The billing key of a customer. Unknown: HTTP 200 and code 1, as four client suites ask."""
    key = await find_billing_key(
        request.engine, request.merchant.merchant_id, request.path["customer_uid"]
    )
    return success(customer_view(key))


async def read_many(request: ApiRequest) -> Response:
    """Up to 100 billing keys. 207 when some were not found, 404 when none was."""
    asked = request.params["customer_uid"]
    found = await find_billing_keys(request.engine, request.merchant.merchant_id, asked)
    if not found:
        raise NotFound("unknown_customers")
    is_whole = {one.customer_uid for one in found} == set(asked)
    return success([customer_view(one) for one in found], http_status=200 if is_whole else 207)


async def payments_of(request: ApiRequest) -> Response:
    """Every payment of a customer, its registrations among them, in pages."""
    page, limit = lists.page_of(request.params)
    found = await list_payments(
        request.engine,
        request.merchant.merchant_id,
        PaymentFilter(customer_uid=request.path["customer_uid"]),
        sorting=lists.sorting_of(request.params),
        page=page,
        limit=limit,
    )
    if not found.total:
        raise NotFound("unknown_customers")
    lists.refuse_beyond(page, limit=limit, total=found.total)
    whose = (request.engine, request.merchant.merchant_id)
    return success(await request.payment_cache.page(*whose, found, page=page, limit=limit))


async def delete(request: ApiRequest) -> Response:
    """Ends a billing key, here at once and at the PG as soon as it answers; the key that was.

    Charges scheduled on it are revoked in the same act (B5).
    """
    key = await delete_key(
        request.engine,
        request.merchant.merchant_id,
        request.path["customer_uid"],
        also=revoke_of_deleted_key,
    )
    return success(customer_view(key))


async def refuse_card_key(_request: ApiRequest) -> Response:
    """KICC issues keys in its window only. The body, with its card number, is never read (B2)."""
    raise NotAllowed("key_only_in_window")

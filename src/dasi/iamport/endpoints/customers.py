"""/subscribe/customers/…: billing keys. An unknown one is HTTP 200 with code 1 (Iamport V1 8.1)."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.billing_keys import delete_key, find_billing_key, find_billing_keys
from dasi.foundation.errors import NotAllowed, NotFound
from dasi.iamport.endpoint import ApiContext, ApiRequest, route
from dasi.iamport.endpoints import lists
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import CustomerObject, Paged, PaymentObject
from dasi.iamport.rendering.views import customer_view
from dasi.iamport.schema.params import FreeText, NameList
from dasi.reporting import PaymentFilter
from dasi.schedules import revoke_of_deleted_key

_IDS_MAX = 100
_MANY = (NameList("customer_uid", 80, _IDS_MAX, is_required=True),)
_PAYMENTS = (lists.PAGE, lists.LIMIT, lists.SORTING)
_DELETE = (FreeText("reason", 255),)
_CUSTOMERS = "/subscribe/customers"
KEY_PATHS = (f"{_CUSTOMERS}/{{customer_uid}}", f"{_CUSTOMERS}/{{customer_uid:name_path}}")
"""Some clients do not escape a slash within a customer_uid: the second path matches it."""


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
    for path in KEY_PATHS:
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
    """The billing key of a customer. Unknown: HTTP 200 and code 1, as four client suites expect."""
    key = await find_billing_key(
        request.engine,
        request.merchant.merchant_id,
        request.path["customer_uid"],
        include_sandbox=request.include_sandbox,
    )
    return success(customer_view(key))


async def read_many(request: ApiRequest) -> Response:
    """Up to 100 billing keys. 207: some are unknown, 404: all are."""
    customer_uids = request.params["customer_uid"]
    keys = await find_billing_keys(
        request.engine,
        request.merchant.merchant_id,
        customer_uids,
        include_sandbox=request.include_sandbox,
    )
    if not keys:
        raise NotFound("unknown_customers")
    is_complete = {key.customer_uid for key in keys} == set(customer_uids)
    return success([customer_view(key) for key in keys], http_status=200 if is_complete else 207)


async def payments_of(request: ApiRequest) -> Response:
    """Every payment of a customer, its registrations among them, in pages."""
    return await lists.payment_page(
        request,
        PaymentFilter(
            customer_uid=request.path["customer_uid"], include_sandbox=request.include_sandbox
        ),
        if_empty=NotFound("unknown_customers"),
    )


async def delete(request: ApiRequest) -> Response:
    """Deletes a billing key, here at once and at the PG as soon as it answers; returns that key.

    Its scheduled payments are revoked in the same transaction (B5).
    """
    key = await delete_key(
        request.engine,
        request.merchant.merchant_id,
        request.path["customer_uid"],
        include_sandbox=request.include_sandbox,
        also=revoke_of_deleted_key,
    )
    return success(customer_view(key))


async def refuse_card_key(_request: ApiRequest) -> Response:
    """KICC issues keys in its window only. The body, with its card number, is never read (B2)."""
    raise NotAllowed("key_only_in_window")

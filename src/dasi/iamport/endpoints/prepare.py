"""/payments/prepare: a server registers an order before its page opens a window.

`customer_uid` and the addresses extend Iamport's request; without them it is the amount alone.
"""

from msgspec import UNSET
from starlette.responses import Response
from starlette.routing import Route

from dasi.iamport.endpoint import ApiContext, ApiRequest, route
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import PrepareObject
from dasi.iamport.schema.params import Enum, Integer, Name, Text, Urls
from dasi.ledger import MERCHANT_UID_MAX
from dasi.windows import (
    RegisteredWindow,
    change_registered_window,
    find_registered_window,
    register_window,
)

_PREPARE = (
    Name("merchant_uid", MERCHANT_UID_MAX, is_required=True),
    Integer("amount", is_required=True, type_rule="whole_won"),
    Enum("currency", ("KRW",)),
    Name("customer_uid", 80),
    Urls("notice_url"),
    Text("m_redirect_url", 2000),
    Text("confirm_url", 2000),
)


def routes(context: ApiContext) -> list[Route]:
    path, response_type, unknown = "/payments/prepare", PrepareObject, ("unknown_prepare",)
    order, slashed = f"{path}/{{merchant_uid}}", f"{path}/{{merchant_uid:path}}"
    return [
        *route(context, "POST", path, register, params=_PREPARE, response_type=response_type),
        *route(
            context,
            "PUT",
            path,
            change,
            params=_PREPARE,
            response_type=response_type,
            errors=unknown,
        ),
        *route(context, "GET", order, read, response_type=response_type, errors=unknown),
        *route(context, "GET", slashed, read, response_type=response_type, errors=unknown),
    ]


async def register(request: ApiRequest) -> Response:
    """Registers an order; a window with other values is refused (F1003, F1004)."""
    registered_window = await register_window(
        request.engine, request.merchant.merchant_id, _registered_window(request)
    )
    return success(_view(registered_window))


async def change(request: ApiRequest) -> Response:
    """Replaces a registration as a whole. 404 if the order is not registered."""
    registered_window = await change_registered_window(
        request.engine, request.merchant.merchant_id, _registered_window(request)
    )
    return success(_view(registered_window))


async def read(request: ApiRequest) -> Response:
    """The registration. 404 if the order is not registered."""
    registered_window = await find_registered_window(
        request.engine, request.merchant.merchant_id, request.path["merchant_uid"]
    )
    return success(_view(registered_window))


def _registered_window(request: ApiRequest) -> RegisteredWindow:
    params = request.params
    return RegisteredWindow(
        merchant_uid=params["merchant_uid"],
        amount_krw=params["amount"],
        currency=params["currency"],
        customer_uid=params["customer_uid"],
        notice_urls=params["notice_url"] or (),
        redirect_url=params["m_redirect_url"],
        confirm_url=params["confirm_url"],
        allows_sandbox=request.requested_sandbox is True,
    )


def _view(registered_window: RegisteredWindow) -> PrepareObject:
    return PrepareObject(
        merchant_uid=registered_window.merchant_uid,
        amount=registered_window.amount_krw,
        currency=registered_window.currency,
        customer_uid=registered_window.customer_uid or UNSET,
        notice_url=list(registered_window.notice_urls) or UNSET,
        m_redirect_url=registered_window.redirect_url or UNSET,
        confirm_url=registered_window.confirm_url or UNSET,
    )

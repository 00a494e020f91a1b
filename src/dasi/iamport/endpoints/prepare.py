"""/payments/prepare: a server registers the amount of an order before its page opens a window."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.iamport.endpoint import ApiContext, ApiRequest, route
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import PrepareObject
from dasi.iamport.schema.params import Enum, Integer, Text
from dasi.windows import (
    RegisteredWindow,
    change_registered_window,
    find_registered_window,
    register_window,
)

_PREPARE = (
    Text("merchant_uid", 40, is_required=True),
    Integer("amount", is_required=True, type_rule="whole_won"),
    Enum("currency", ("KRW",)),
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
    """Registers an order's amount; a window with another amount is refused (F1003)."""
    registered_window = await register_window(
        request.engine, request.merchant.merchant_id, _registered_window(request)
    )
    return success(_view(registered_window))


async def change(request: ApiRequest) -> Response:
    """Changes a registered amount. 404 if the order is not registered."""
    registered_window = await change_registered_window(
        request.engine, request.merchant.merchant_id, _registered_window(request)
    )
    return success(_view(registered_window))


async def read(request: ApiRequest) -> Response:
    """The registered amount. 404 if the order is not registered."""
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
    )


def _view(registered_window: RegisteredWindow) -> PrepareObject:
    return PrepareObject(
        merchant_uid=registered_window.merchant_uid,
        amount=registered_window.amount_krw,
        currency=registered_window.currency,
    )

"""/payments/prepare: a server registers the amount of an order before its page opens a window."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.iamport.endpoint import ApiContext, ApiRequest, route
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import PrepareObject
from dasi.iamport.schema.params import Enum, Integer, Name
from dasi.windows import (
    ExpectedAmount,
    change_expected_amount,
    find_expected_amount,
    register_expected_amount,
)

_PREPARE = (
    Name("merchant_uid", 40, is_required=True),
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
    expected_amount = await register_expected_amount(
        request.engine, request.merchant.merchant_id, _expected_amount(request)
    )
    return success(_view(expected_amount))


async def change(request: ApiRequest) -> Response:
    """Changes a registered amount. 404 if the order is not registered."""
    expected_amount = await change_expected_amount(
        request.engine, request.merchant.merchant_id, _expected_amount(request)
    )
    return success(_view(expected_amount))


async def read(request: ApiRequest) -> Response:
    """The registered amount. 404 if the order is not registered."""
    expected_amount = await find_expected_amount(
        request.engine, request.merchant.merchant_id, request.path["merchant_uid"]
    )
    return success(_view(expected_amount))


def _expected_amount(request: ApiRequest) -> ExpectedAmount:
    params = request.params
    return ExpectedAmount(
        merchant_uid=params["merchant_uid"],
        amount_krw=params["amount"],
        currency=params["currency"],
    )


def _view(expected_amount: ExpectedAmount) -> PrepareObject:
    return PrepareObject(
        merchant_uid=expected_amount.merchant_uid,
        amount=expected_amount.amount_krw,
        currency=expected_amount.currency,
    )

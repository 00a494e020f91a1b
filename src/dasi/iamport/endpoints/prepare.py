"""/payments/prepare: what an order costs, told by the server before the page asks for a window."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.iamport.endpoint import Call, Face, route
from dasi.iamport.envelope import answer
from dasi.iamport.rendering.objects import PrepareObject
from dasi.iamport.schema.params import Choice, Text, Whole
from dasi.windows import (
    ExpectedAmount,
    change_expected_amount,
    find_expected_amount,
    register_expected_amount,
)

_PREPARE = (
    Text("merchant_uid", 40, is_required=True),
    Whole("amount", is_required=True, unit="원 단위 "),
    Choice("currency", ("KRW",)),
)


def routes(face: Face) -> list[Route]:
    path, gives, unknown = "/payments/prepare", PrepareObject, ("unknown_prepare",)
    one, rest = f"{path}/{{merchant_uid}}", f"{path}/{{merchant_uid:path}}"
    return [
        *route(face, "POST", path, register, params=_PREPARE, gives=gives),
        *route(face, "PUT", path, change, params=_PREPARE, gives=gives, refuses=unknown),
        *route(face, "GET", one, read, gives=gives, refuses=unknown),
        *route(face, "GET", rest, read, gives=gives, refuses=unknown),
    ]


async def register(call: Call) -> Response:
    """Registers an order's amount; a window asked for with another one is refused (F1003)."""
    expected_amount = await register_expected_amount(
        call.engine, call.merchant.merchant_id, _expected_amount(call)
    )
    return answer(_view(expected_amount))


async def change(call: Call) -> Response:
    """Changes a registered amount. 404 if the order is not registered."""
    expected_amount = await change_expected_amount(
        call.engine, call.merchant.merchant_id, _expected_amount(call)
    )
    return answer(_view(expected_amount))


async def read(call: Call) -> Response:
    """The registered amount. 404 if the order is not registered."""
    expected_amount = await find_expected_amount(
        call.engine, call.merchant.merchant_id, call.path["merchant_uid"]
    )
    return answer(_view(expected_amount))


def _expected_amount(call: Call) -> ExpectedAmount:
    given = call.given
    return ExpectedAmount(
        merchant_uid=given["merchant_uid"], amount_krw=given["amount"], currency=given["currency"]
    )


def _view(expected_amount: ExpectedAmount) -> PrepareObject:
    return PrepareObject(
        merchant_uid=expected_amount.merchant_uid,
        amount=expected_amount.amount_krw,
        currency=expected_amount.currency,
    )

"""POST /payments/cancel: refund a payment in full or in part."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.cancels import CancelRequest, cancel
from dasi.foundation.errors import Refused
from dasi.iamport.endpoint import ApiContext, ApiRequest, recover_payment, route
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import PaymentObject
from dasi.iamport.rendering.views import payment_view
from dasi.iamport.schema.params import Boolean, FreeText, Integer, Name, Text
from dasi.ledger import MERCHANT_UID_MAX, Payment

_CANCEL = (
    Text("imp_uid", 40),
    Name("merchant_uid", MERCHANT_UID_MAX),
    Integer("amount", type_rule="whole_won"),
    Integer("tax_free", type_rule="whole_won"),
    Integer("checksum", type_rule="whole_won"),
    FreeText("reason", 255),
    Boolean("enable_webhook"),
)
_ERRORS = (
    "cancel_without_id", "nothing_to_cancel", "already_cancelled", "not_paid", "order_in_doubt",
    "cancel_in_progress", "checksum_differs", "cancel_exceeds", "tax_free_between",
    "no_partial_cancel", "pg_refused_cancel", "cancel_not_sent", "cancel_in_doubt",
)  # fmt: skip


def routes(context: ApiContext) -> list[Route]:
    return route(
        context,
        "POST",
        "/payments/cancel",
        cancel_payment,
        params=_CANCEL,
        require_any=("imp_uid", "merchant_uid"),
        response_type=PaymentObject,
        errors=_ERRORS,
        recover=recover_payment(_respond),
    )


async def cancel_payment(request: ApiRequest) -> Response:
    """Cancels a payment, wholly or in part: `amount` missing or 0 is everything that remains."""
    params = request.params
    if params["imp_uid"] is None and params["merchant_uid"] is None:
        raise Refused("cancel_without_id")
    payment = await cancel(
        request.engine,
        request.merchant.merchant_id,
        CancelRequest(
            imp_uid=params["imp_uid"],
            merchant_uid=params["merchant_uid"],
            amount_krw=params["amount"],
            checksum_krw=params["checksum"],
            reason=params["reason"],
            tax_free_krw=params["tax_free"],
            notify_merchant=bool(params["enable_webhook"]),
            idempotency_key=request.idempotency_key,
            include_sandbox=request.include_sandbox,
        ),
    )
    return _respond(payment)


def _respond(payment: Payment) -> Response:
    return success(payment_view(payment))

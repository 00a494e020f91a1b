"""POST /payments/cancel: give back all or a part of a payment."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.errors import Refused
from dasi.iamport.endpoint import Call, Face, recover_payment, route
from dasi.iamport.envelope import answer
from dasi.iamport.rendering.objects import PaymentObject
from dasi.iamport.rendering.views import payment_view
from dasi.iamport.schema.params import Flag, Prose, Text, Whole
from dasi.ledger import Payment
from dasi.payments import CancelRequest, cancel

_CANCEL = (
    Text("imp_uid", 40),
    Text("merchant_uid", 40),
    Whole("amount", unit="원 단위 "),
    Whole("tax_free", unit="원 단위 "),
    Whole("checksum", unit="원 단위 "),
    Prose("reason", 255),
    Flag("enable_webhook"),
)
_REFUSES = (
    "cancel_without_id", "nothing_to_cancel", "already_cancelled", "not_paid", "order_in_doubt",
    "cancel_in_progress", "checksum_differs", "cancel_exceeds", "tax_free_exceeds",
    "no_partial_cancel", "pg_refused_cancel", "cancel_not_sent", "cancel_in_doubt",
)  # fmt: skip


def routes(face: Face) -> list[Route]:
    return route(
        face,
        "POST",
        "/payments/cancel",
        cancel_payment,
        params=_CANCEL,
        either=("imp_uid", "merchant_uid"),
        gives=PaymentObject,
        refuses=_REFUSES,
        recover=recover_payment(_told),
    )


async def cancel_payment(call: Call) -> Response:
    """Cancels a payment, wholly or in part: `amount` missing or 0 is everything that remains."""
    given = call.given
    if given["imp_uid"] is None and given["merchant_uid"] is None:
        raise Refused("cancel_without_id")
    payment = await cancel(
        call.engine,
        call.merchant.merchant_id,
        CancelRequest(
            imp_uid=given["imp_uid"],
            merchant_uid=given["merchant_uid"],
            amount_krw=given["amount"],
            checksum_krw=given["checksum"],
            reason=given["reason"],
            tax_free_krw=given["tax_free"],
            notify_merchant=bool(given["enable_webhook"]),
            idempotency_key=call.idempotency_key,
        ),
    )
    return _told(payment)


def _told(payment: Payment) -> Response:
    return answer(payment_view(payment))

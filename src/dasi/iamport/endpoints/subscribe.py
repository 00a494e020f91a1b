"""/subscribe/payments/…: charge a stored card; refuse charges with a card number."""

from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from dasi.channels import QUOTA_FROM_KRW
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed, Refused
from dasi.iamport.endpoint import ApiContext, ApiRequest, recover_payment, route
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import PaymentObject
from dasi.iamport.rendering.views import payment_view
from dasi.iamport.schema.params import Enum, FreeText, Integer, JsonText, Name, Text, Urls
from dasi.ledger import MERCHANT_UID_MAX, Buyer, ChargeDetails, Payment, Status
from dasi.payments import ChargeRequest, charge
from dasi.providers.decline_reasons import REASONS

_QUOTA_FROM = 2
"""Months. One month is a lump sum."""
_BUYER_FIELDS = ("name", "email", "tel", "addr", "postcode")

CHARGE = (
    Integer("amount", minimum=1, is_required=True, type_rule="whole_won"),
    Text("name", 40),
    Enum("currency", ("KRW",)),
    Integer("tax_free", type_rule="whole_won"),
    Integer("card_quota", maximum=36),
    # Cut as in the window. Only humans read them, and a refusal would lose the charge.
    FreeText("buyer_name", 16),
    FreeText("buyer_email", 64),
    FreeText("buyer_tel", 16),
    FreeText("buyer_addr", 128),
    FreeText("buyer_postcode", 8),
    JsonText("custom_data"),
    Urls("notice_url"),
)
"""The parameters that a charge and a scheduled payment share."""
_AGAIN = (
    Name("customer_uid", 80, is_required=True),
    Name("merchant_uid", MERCHANT_UID_MAX, is_required=True),
    *CHARGE,
)


def routes(context: ApiContext) -> list[Route]:
    again_errors = (
        "contradiction",
        "order_already_paid",
        "order_in_doubt",
        "unknown_customer",
        "key_of_other_mode",
        "not_sent",
        "pg_refused_charge",
    )
    card = ("charge_only_with_key",)
    onetime, foreign = "/subscribe/payments/onetime", "/subscribe/payments/foreign"
    return [
        *route(
            context,
            "POST",
            "/subscribe/payments/again",
            again,
            params=_AGAIN,
            response_type=PaymentObject,
            errors=again_errors,
            recover=recover_payment(partial(again_response, context.engine)),
        ),
        *route(context, "POST", onetime, refuse_card_charge, reads_body=False, errors=card),
        *route(context, "POST", foreign, refuse_card_charge, reads_body=False, errors=card),
    ]


async def again(request: ApiRequest) -> Response:
    """Charges a billing key once.

    Code 0 holds a payment that is `paid`, or `failed` with the card network's reason. Another code
    holds none: nothing was charged, or the result is not known yet. The message says which.
    """
    payment = await charge(
        request.engine,
        request.merchant.merchant_id,
        ChargeRequest(
            customer_uid=request.params["customer_uid"],
            details=charge_details(request.params),
            is_sandbox=request.key_is_sandbox,
            user_agent=request.user_agent,
            idempotency_key=request.idempotency_key,
        ),
    )
    return again_response(request.engine, payment)


def again_response(engine: Engine, payment: Payment) -> Response:
    if payment.status is Status.PENDING:
        raise Refused("order_in_doubt", merchant_uid=payment.merchant_uid, imp_uid=payment.imp_uid)
    if payment.fail_code == "NOT_SENT":
        raise Refused("not_sent", why=payment.fail_reason, imp_uid=payment.imp_uid)
    if payment.status is Status.FAILED:
        _refuse_outright(engine, payment)
    return success(payment_view(payment))


def _refuse_outright(engine: Engine, failed: Payment) -> None:
    """Refuse the request if the PG declined because of the merchant, not the card (decision 18)."""
    code, text = failed.fail_code or "", failed.fail_reason or ""
    reason = engine.providers[failed.provider].reason_of(code, text)
    if REASONS[reason].is_merchant_error:
        raise Refused("pg_refused_charge", code=code, text=text, imp_uid=failed.imp_uid)


def charge_details(params: dict[str, Any], *, where: str = "") -> ChargeDetails:
    """Check the parsed parameters of a charge against each other and return its details.

    `where` is the item that holds the parameters, with a dot.
    """
    quota = params["card_quota"] or 0
    _refuse_contradictions(params, where=where)
    return ChargeDetails(
        merchant_uid=params["merchant_uid"],
        amount_krw=params["amount"],
        name=params["name"],
        buyer=Buyer(**{name: params[f"buyer_{name}"] for name in _BUYER_FIELDS}),
        tax_free_krw=params["tax_free"],
        quota_months=quota if quota >= _QUOTA_FROM else 0,
        custom_data=params["custom_data"],
        notice_urls=params["notice_url"] or (),
    )


def _refuse_contradictions(params: dict[str, Any], *, where: str) -> None:
    amount_krw: int = params["amount"]
    if (params["tax_free"] or 0) > amount_krw:
        field = f"{where}tax_free"
        raise Refused("contradiction", field=field, rule="within_amount", amount_krw=amount_krw)
    if (params["card_quota"] or 0) >= _QUOTA_FROM and amount_krw < QUOTA_FROM_KRW:
        field = f"{where}card_quota"
        raise Refused("contradiction", field=field, rule="quota_amount", minimum_krw=QUOTA_FROM_KRW)


async def refuse_card_charge(_request: ApiRequest) -> Response:
    """KICC takes no card number by API. The body, with its card number, is never read (B2)."""
    raise NotAllowed("charge_only_with_key")

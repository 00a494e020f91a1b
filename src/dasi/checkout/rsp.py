"""A payment as the SDK's `rsp`: the object a page's callback is given.

Success has the fields KICC's real answers through Iamport have; failure those that help the page
say why. The PG's own code and text stand beside ours, in `pg_error_code` and `pg_error_msg`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from dasi.checkout.errors import IN_DOUBT_CODE, IN_DOUBT_TEXT, error_entry
from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Refused, Unavailable
from dasi.ledger import Payment, Status
from dasi.windows import WindowView

Rsp = dict[str, Any]

STOPPED_CODE = "F0005"
ALREADY_PAID_CODE = "F1002"
_PAID = {Status.PAID, Status.PARTLY_CANCELLED, Status.CANCELLED}


def rsp_of_window(view: WindowView) -> Rsp | None:
    """Return the result for the page; None while the window has none."""
    match view.progress:
        case "open" | "processing":
            return None
        case "unknown":
            rsp = _unknown(view.payment)
        case "done":
            rsp = _success(view.payment) if view.payment.status in _PAID else _failure(view)
    return rsp | {"custom_data": _custom_data(view)}


def error_rsp(error: Refused | Unavailable, *, param: Mapping[str, object]) -> Rsp:
    """The refusal of a window that was not opened, with the order's name as far as it was given."""
    entry = error_entry(error)
    facts = error.facts if isinstance(error, Refused) else {}
    merchant_uid = param.get("merchant_uid")
    is_name = isinstance(merchant_uid, str | int) and not isinstance(merchant_uid, bool)
    rsp: Rsp = {
        "success": False,
        # Of an order paid already Iamport tells no imp_uid: it is another payment's name.
        "imp_uid": None if entry.code == ALREADY_PAID_CODE else facts.get("imp_uid"),
        "merchant_uid": str(merchant_uid)[:200] if is_name else None,
        "pay_method": "card",
        "error_code": entry.code,
        "error_msg": entry.text,
    }
    if "code" in facts and "text" in facts:
        rsp |= {"pg_error_code": facts["code"], "pg_error_msg": facts["text"]}
    return rsp


def _success(payment: Payment) -> Rsp:
    buyer, card = payment.buyer, payment.card
    return {
        "success": True,
        "imp_uid": payment.imp_uid,
        "pay_method": "card",
        "merchant_uid": payment.merchant_uid,
        "name": payment.name,
        # Of a card registration the amount was only shown (B4): nothing was paid.
        "paid_amount": 0 if payment.purpose == "key_issue" else payment.amount_krw,
        "currency": "KRW",
        "pg_provider": payment.provider,
        "pg_type": "payment",
        "pg_tid": payment.pg_tid,
        "apply_num": payment.approval_no or "",
        "buyer_name": buyer.name or "",
        "buyer_email": buyer.email or "",
        "buyer_tel": buyer.tel or "",
        "buyer_addr": buyer.addr or "",
        "buyer_postcode": buyer.postcode or "",
        "custom_data": None,  # `rsp_of_window` fills it in
        "status": "paid" if payment.status is Status.PAID else "cancelled",
        "paid_at": epoch_s(payment.paid_at),
        "receipt_url": payment.receipt_url,
        "card_name": card.name,
        "bank_name": None,
        "card_quota": card.quota_months,
        "card_number": card.number_masked,
    }


def _failure(view: WindowView) -> Rsp:
    payment = view.payment
    code = payment.fail_code or view.return_code or ""
    text = payment.fail_reason or view.return_text or ""
    message = f"{STOPPED_CODE}:결제가 중단되었습니다({payment.imp_uid}).{code} | {text}"
    return _known(payment, status="failed", error_code=STOPPED_CODE, error_msg=message) | {
        "pg_error_code": code or None,
        "pg_error_msg": text or None,
    }


def _unknown(payment: Payment) -> Rsp:
    # `ready`, as in the REST view of the same payment while the outcome is not known.
    return _known(payment, status="ready", error_code=IN_DOUBT_CODE, error_msg=IN_DOUBT_TEXT)


def _known(payment: Payment, **fields: str) -> Rsp:
    return {
        "success": False,
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "pay_method": "card",
        "name": payment.name,
        "currency": "KRW",
        "pg_provider": payment.provider,
        "pg_type": "payment",
        "custom_data": None,
        **fields,
    }


def _custom_data(view: WindowView) -> Any:
    """Return the value that the page passed: a text as it came, any other value as the same."""
    text = view.payment.custom_data
    return text if text is None or view.is_custom_data_text else msgspec.json.decode(text)

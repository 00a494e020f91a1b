"""The objects of Iamport V1 (1.5): fields, types, and which may be null."""

from collections.abc import Mapping
from typing import Any

TEXT, TEXT_OR_NULL = "text", "text or null"
WHOLE, WHOLE_OR_NULL, FLAG, LIST = "whole number", "whole number or null", "true or false", "list"
ANY = "anything"
Shape = Mapping[str, str]

PAYMENT: Shape = {
    **dict.fromkeys(("imp_uid", "merchant_uid", "status", "currency"), TEXT),
    **dict.fromkeys(
        ("pay_method", "channel", "pg_provider", "emb_pg_provider", "pg_tid", "pg_id", "apply_num",
         "bank_code", "bank_name", "card_code", "card_name", "card_number", "vbank_code",
         "vbank_name", "vbank_num", "vbank_holder", "name", "buyer_name", "buyer_email",
         "buyer_tel", "buyer_addr", "buyer_postcode", "custom_data", "user_agent", "fail_reason",
         "cancel_reason", "receipt_url", "customer_uid", "customer_uid_usage"),
        TEXT_OR_NULL,
    ),
    **dict.fromkeys(
        ("amount", "cancel_amount", "card_quota", "vbank_date", "vbank_issued_at", "started_at",
         "paid_at", "failed_at", "cancelled_at"),
        WHOLE,
    ),
    "card_type": WHOLE_OR_NULL,
    "escrow": FLAG,
    "cash_receipt_issued": FLAG,
    "cancel_history": LIST,
    "cancel_receipt_urls": LIST,
}  # fmt: skip
CUSTOMER: Shape = {
    **dict.fromkeys(("customer_uid", "pg_provider", "pg_id"), TEXT),
    **dict.fromkeys(
        ("customer_id", "card_name", "card_code", "card_number", "customer_name", "customer_tel",
         "customer_email", "customer_addr", "customer_postcode"),
        TEXT_OR_NULL,
    ),
    "card_type": WHOLE_OR_NULL,
    "inserted": WHOLE,
    "updated": WHOLE,
}  # fmt: skip
TOKEN: Shape = {"access_token": TEXT, "now": WHOLE, "expired_at": WHOLE}
PREPARE: Shape = {"merchant_uid": TEXT, "amount": WHOLE, "currency": TEXT_OR_NULL}
CODE: Shape = {"code": TEXT, "name": TEXT}
CHANNEL: Shape = {"pg_provider": TEXT, "pg_id": TEXT, "sandbox": FLAG, "type": TEXT}
PAGE: Shape = {"total": WHOLE, "previous": WHOLE, "next": WHOLE, "list": LIST}
NOTHING: Shape = {}


def differences(shape: Shape, value: Any, *, where: str = "response") -> list[str]:
    """Compare an object with its shape and describe each difference. Extra fields are allowed."""
    if not isinstance(value, dict):
        return [f"{where} is {_type_name(value)}, not an object"]
    complaints = [f"{where}.{name} is missing" for name in shape if name not in value]
    complaints += [
        f"{where}.{name} is {_type_name(value[name])}, not {rule}"
        for name, rule in shape.items()
        if name in value and not _is(rule, value[name])
    ]
    return complaints


def _is(rule: str, value: Any) -> bool:
    if value is None:
        return rule in (TEXT_OR_NULL, WHOLE_OR_NULL, ANY)
    if rule in (WHOLE, WHOLE_OR_NULL):
        return isinstance(value, int) and not isinstance(value, bool)
    kinds: dict[str, type] = {TEXT: str, TEXT_OR_NULL: str, FLAG: bool, LIST: list}
    return isinstance(value, kinds[rule]) if rule in kinds else True


def _type_name(value: Any) -> str:
    return "null" if value is None else type(value).__name__

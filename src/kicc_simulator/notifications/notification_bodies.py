"""The fields of a notice (§11): all strings, no shopTransactionId, no signature, in both forms."""

from urllib.parse import urlencode

import msgspec

from kicc_simulator.ledger.bank import Cancel, Transaction
from kicc_wire import codes
from kicc_wire.messages import LEGACY_NOTICE_FIELDS, CustomerInfo

JSON_FORM = "application/json; charset=utf-8"
LEGACY_FORM = "application/x-www-form-urlencoded; charset=utf-8"


def fields_of(
    paid: Transaction, notice_type: str, cancel: Cancel | None, *, res_cd: str = codes.RESULT_OK
) -> dict[str, str]:
    """The fields of today's JSON form, by KICC's names."""
    is_cancel = notice_type == codes.NOTICE_CANCEL and cancel is not None
    status = cancel.status if cancel is not None and is_cancel else paid.status
    is_ok = res_cd == codes.RESULT_OK
    is_deposit = notice_type in (codes.NOTICE_DEPOSIT, codes.NOTICE_DEPOSIT_REVERSED)
    fields = {
        "resCd": res_cd,
        "resMsg": codes.MESSAGE_OK if is_ok else codes.RESULTS.get(res_cd, ""),
        "mallId": paid.mall_id,
        "notiType": notice_type,
        "pgCno": paid.deposit_pg_cno if is_deposit else paid.pg_cno,
        "shopOrderNo": paid.shop_order_no,
        "amount": str(paid.amount),
        "payMethodTypeCode": paid.method,
        "approvalNo": paid.approval_no,
        "transactionDate": paid.at,
        "statusCode": status,
        "statusMessage": codes.STATUSES.get(status, ""),
        "escrowUsed": "Y" if paid.is_escrow else "N",
        "cpCode": paid.wallet,
        "vanSno": paid.van_sno,
        "complexUsed": "N",
        "taxFlg": "TG01",
        "basketUsed": "N",
    }
    fields |= _card_fields(paid) | _account_fields(paid) | _customer_fields(paid.customer)
    fields |= {f"shopValue{n}": value for n, value in enumerate(paid.shop_values[:6], start=1)}
    if is_deposit:
        fields["tlfSno"] = paid.pg_cno
    if cancel is not None and is_cancel:
        fields |= _cancel_fields(cancel)
    elif notice_type == codes.NOTICE_REFUND_DONE and cancel is not None:
        fields |= {"cancelPgCno": cancel.cancel_pg_cno, "depositPgCno": paid.deposit_pg_cno}
    return fields


def _cancel_fields(cancel: Cancel) -> dict[str, str]:
    return {
        "cancelPgCno": cancel.cancel_pg_cno,
        "cancelAmount": str(cancel.amount),
        "cancelCardAmount": str(cancel.amount),
        "cancelCouponAmount": "0",
        "cancelRemainAmount": str(cancel.remain),
        "cancelDate": cancel.at,
    }


def _card_fields(paid: Transaction) -> dict[str, str]:
    card = paid.card
    if card is None:
        return {}
    return {
        "cardNo": card.payment_mask,
        "issuerCode": card.issuer_code,
        "issuerName": card.issuer_name,
        "acquirerCode": card.acquirer_code,
        "acquirerName": card.acquirer_name,
        "installmentMonth": f"{paid.installment:02d}",
        "freeInstallmentTypeCode": "00",
        "cardGubun": card.gubun,
        "cardBizGubun": card.biz_gubun,
        "partCancelUsed": paid.part_cancel_used,
        "subCardCd": card.sub_card_cd,
    }


def _account_fields(paid: Transaction) -> dict[str, str]:
    account, bank = paid.account, paid.bank
    if account is not None:
        return {
            "bankCode": account.bank_code or "",
            "bankName": account.bank_name or "",
            "accountNo": account.account_no or "",
            "expiryDate": account.expiry_date or "",
            "depositName": account.deposit_name or "",
            # KICC's own examples print bank codes here without the leading zero (§13.6).
            "depoBkcd": (account.bank_code or "").lstrip("0"),
            "depoBknm": account.bank_name or "",
        }
    if bank is not None:
        return {"bankCode": bank.bank_code or "", "bankName": bank.bank_name or ""}
    return {}


def _customer_fields(customer: CustomerInfo | None) -> dict[str, str]:
    if customer is None:
        return {}
    return {
        "customerId": customer.customer_id or "",
        "customerName": customer.customer_name or "",
    }


def encode(fields: dict[str, str], form: str) -> tuple[bytes, str]:
    """The body and its content type, in the mall's form."""
    if form == "json":
        return msgspec.json.encode(fields), JSON_FORM
    old = {old_name: fields.get(name, "") for old_name, name in LEGACY_NOTICE_FIELDS.items()}
    return urlencode(old).encode(), LEGACY_FORM


def is_acknowledged(status: int, body: bytes, form: str) -> bool:
    """Whether the merchant answered 0000 with HTTP 200 in the notice's form."""
    if status != 200:  # noqa: PLR2004 - HTTP OK, the only status KICC takes
        return False
    if form == "json":
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return isinstance(answer, dict) and answer.get("resCd") == codes.NOTICE_ACK_OK
    text = body.decode("utf-8", "replace")
    for separator in codes.LEGACY_ACK_SEPARATORS:
        text = text.replace(separator, "\n")
    return f"res_cd={codes.NOTICE_ACK_OK}" in (part.strip() for part in text.split("\n"))

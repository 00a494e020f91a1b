"""Make KICC's answers to approvals, cancels and queries in either of two body shapes (S5)."""

from typing import Any

import msgspec

from kicc_simulator.ledger.bank import Bank, Transaction
from kicc_simulator.ledger.signature import sign
from kicc_wire import codes
from kicc_wire.messages import (
    ApprovalAnswer,
    BankInfo,
    CardInfo,
    CashReceiptInfo,
    MobInfo,
    PaymentInfo,
    PrepaidInfo,
    ReviseAnswer,
    ReviseCardInfo,
    ReviseInfo,
    ReviseRefund,
    VirtualAccountInfo,
    Wire,
)

_EMPTY_FULL_PARTS: dict[str, Any] = {
    "cp_code": "",
    "multi_card_amount": "",
    "multi_pnt_amount": "",
    "multi_cpon_amount": "",
    "bank_info": BankInfo(bank_code="", bank_name=""),
    "virtual_account_info": VirtualAccountInfo(
        bank_code="", bank_name="", account_no="", deposit_name="", expiry_date=""
    ),
    "mob_info": MobInfo(auth_id="", bill_id="", mobile_no="", mobile_ansim_used="", mobile_cd=""),
    "prepaid_info": PrepaidInfo(bill_id="", remain_amount=0),
    "cash_receipt_info": CashReceiptInfo(res_cd="", res_msg="", approval_no="", approval_date=""),
    "basket_info_list": [],
}
_EMPTY_CARD = CardInfo(
    card_no="",
    issuer_code="",
    issuer_name="",
    acquirer_code="",
    acquirer_name="",
    installment_month=0,
    free_installment_type_code="",
    card_gubun="",
    card_biz_gubun="",
    part_cancel_used="",
    sub_card_cd="",
    card_mask_no="",
    van_sno="",
    coupon_amount=0,
)
_AMOUNT_FIELDS = {"amount", "cancelAmount", "remainAmount", "couponAmount"}
_MESSAGES = {
    "payment": codes.MESSAGE_WINDOW_APPROVED,
    "key": codes.MESSAGE_KEY_ISSUED,
    "charge": codes.MESSAGE_BATCH_APPROVED,
}


def approval_answer(
    bank: Bank, paid: Transaction, *, is_signed: bool, shows_key: bool = True
) -> ApprovalAnswer:
    """The answer to an approval, a key issue or a charge. Queries are not signed (§10)."""
    signature = None
    if is_signed:
        signature = sign(bank.malls[paid.mall_id].key, paid.pg_cno, paid.amount, paid.at)
    return ApprovalAnswer(
        res_cd=codes.RESULT_OK,
        res_msg=_MESSAGES[paid.kind],
        mall_id=paid.mall_id,
        pg_cno=paid.pg_cno,
        shop_transaction_id=paid.shop_transaction_id,
        shop_order_no=paid.shop_order_no,
        amount=paid.amount,
        transaction_date=paid.at,
        status_code=paid.status,
        status_message=codes.STATUSES.get(paid.status, ""),
        msg_auth_value=signature,
        escrow_used="Y" if paid.is_escrow else "N",
        payment_info=_payment_info(paid, is_full=_is_full(bank), shows_key=shows_key),
    )


def _is_full(bank: Bank) -> bool:
    shape = bank.switches.shape
    return shape == "full" or (shape == "mixed" and bank.dice.random() < 0.5)  # noqa: PLR2004  # half


def _payment_info(paid: Transaction, *, is_full: bool, shows_key: bool) -> PaymentInfo:
    card = _card_info(paid, is_full=is_full, shows_key=shows_key) if paid.card else None
    own: dict[str, Any] = {}
    if paid.wallet:
        own["cp_code"] = paid.wallet
    if paid.bank:
        own["bank_info"] = paid.bank
    if paid.account:
        own["virtual_account_info"] = paid.account
    if paid.mobile:
        own["mob_info"] = paid.mobile
    if paid.prepaid:
        own["prepaid_info"] = paid.prepaid
    if is_full:
        own = {**_EMPTY_FULL_PARTS, **own}
        card = card or _EMPTY_CARD
    return PaymentInfo(
        pay_method_type_code=paid.method,
        approval_no=paid.approval_no,
        approval_date=paid.at,
        card_info=card,
        **own,
    )


def _card_info(paid: Transaction, *, is_full: bool, shows_key: bool) -> CardInfo:
    card = paid.card
    assert card is not None
    is_key = paid.kind == "key"
    key = paid.batch_key if shows_key else ""
    absent = "" if is_full else None
    return CardInfo(
        card_no=key if is_key else card.payment_mask,
        card_mask_no=card.key_mask if is_key else absent,
        issuer_code=card.issuer_code,
        issuer_name=card.issuer_name,
        acquirer_code=card.acquirer_code,
        acquirer_name=card.acquirer_name,
        installment_month=paid.installment,
        free_installment_type_code="00",
        card_gubun=card.gubun,
        card_biz_gubun=card.biz_gubun,
        part_cancel_used=paid.part_cancel_used,
        sub_card_cd=card.sub_card_cd or absent,
        van_sno=paid.van_sno,
        coupon_amount=0 if is_full else None,
        pnt_amount=None if is_full else "0",
    )


def revise_answer(
    paid: Transaction,
    *,
    shop_transaction_id: str,
    cancel_pg_cno: str,
    at: str,
    amount: int,
    message: str,
) -> ReviseAnswer:
    """The answer to a revise, from the transaction as it is now. Never signed (§9.2)."""
    return ReviseAnswer(
        res_cd=codes.RESULT_OK,
        res_msg=message,
        mall_id=paid.mall_id,
        shop_transaction_id=shop_transaction_id,
        shop_order_no=paid.shop_order_no,
        ori_pg_cno=paid.pg_cno,
        cancel_pg_cno=cancel_pg_cno,
        transaction_date=at,
        cancel_amount=amount,
        remain_amount=paid.remain,
        status_code=paid.status,
        status_message=codes.STATUSES.get(paid.status, ""),
        escrow_used="Y" if paid.is_escrow else "N",
        revise_info=ReviseInfo(
            pay_method_type_code=paid.method,
            approval_no="",
            approval_date=at,
            card_info=ReviseCardInfo(coupon_amount=0),
            refund_info=ReviseRefund(refund_date="", deposit_pg_cno=""),
            cash_receipt_info=CashReceiptInfo(
                res_cd="", res_msg="", approval_no="", cancel_date=""
            ),
        ),
    )


def encode(bank: Bank, answer: Wire) -> bytes:
    """The bytes of an answer, with the extra fields of the switches."""
    switches = bank.switches
    if switches.amounts == "number" and not switches.extra_fields:
        return msgspec.json.encode(answer)
    body = msgspec.to_builtins(answer)
    if switches.amounts == "string":
        _amounts_to_text(body)
    if switches.extra_fields:
        _add_unknown_fields(bank, body)
    return msgspec.json.encode(body)


def _amounts_to_text(body: dict[str, Any]) -> None:
    for name, value in body.items():
        if isinstance(value, dict):
            _amounts_to_text(value)
        elif name in _AMOUNT_FIELDS and isinstance(value, int):
            body[name] = str(value)


def _add_unknown_fields(bank: Bank, body: dict[str, Any]) -> None:
    values: list[Any] = ["", "새로운 값", 7, None, True, ["a", 1], {"inner": "x"}]
    for inner in [value for value in body.values() if isinstance(value, dict)]:
        _add_unknown_fields(bank, inner)
    for _ in range(bank.dice.randint(1, 3)):
        body[f"newField{bank.dice.randint(0, 0xFFFF):04x}"] = bank.dice.choice(values)

"""Approve an authenticated window, or charge a billing key (§7, §8)."""

from datetime import timedelta
from typing import Any, Literal

from kicc_simulator.ledger import refusal
from kicc_simulator.ledger.bank import Bank, BillingKey, Session, Transaction
from kicc_simulator.ledger.malls import Mall
from kicc_simulator.ledger.refusal import Refusal, bad_field
from kicc_simulator.operations.register import check_positive_amount, shop_values
from kicc_wire import codes
from kicc_wire.institutions import BANKS, BANKS_VIRTUAL_ACCOUNT
from kicc_wire.messages import (
    ApprovalRequest,
    BankInfo,
    BatchApprovalRequest,
    MobInfo,
    PrepaidInfo,
    VirtualAccountInfo,
)

_NOT_AUTHENTICATED_MESSAGE = "인증내역에 존재하지 않는 거래입니다"
_INSTALLMENT_MAX = 60


def approve(
    bank: Bank, mall: Mall, request: ApprovalRequest, *, family: str, issuer_refusal: Refusal | None
) -> Transaction:
    """Take the window's money or issue its key. The session is used up either way (V10)."""
    session = session_to_approve(bank, mall, request, family=family)
    if session.state != "authenticated" or bank.clock.elapsed_s() > session.expires_s:
        raise not_authenticated()
    lenient = bank.switches.lenient_approval_order
    if request.shop_order_no != session.shop_order_no and not lenient:
        raise bad_field("shopOrderNo", "등록된 주문번호와 다릅니다")
    if issuer_refusal is not None:
        session.state = "refused"
        raise issuer_refusal
    session.state = "consumed"
    if session.method == codes.PAY_METHOD_BILLING_KEY:
        return _issue_key(bank, mall, request, session)
    paid = _transaction(
        bank,
        mall,
        kind="payment",
        pg_cno=session.pg_cno,
        shop_order_no=request.shop_order_no,
        shop_transaction_id=request.shop_transaction_id,
        amount=session.amount,
        goods_name=session.goods_name,
        customer=session.customer,
        shop_values=session.shop_values,
        is_escrow=session.is_escrow,
        **_method_fields(bank, session),
    )
    if session.is_escrow:
        paid.status = "ES03" if paid.account else "ES01"
    elif paid.account:
        paid.status = codes.STATUS_AWAITING_DEPOSIT
    return paid


def session_to_approve(bank: Bank, mall: Mall, request: ApprovalRequest, *, family: str) -> Session:
    """V9: the session, if it is this mall's and of the same family of paths."""
    session = bank.sessions.get(request.authorization_id)
    if session is None or session.mall_id != mall.mall_id or session.family != family:
        raise not_authenticated()
    return session


def not_authenticated() -> Refusal:
    """R102, KICC's real code for every window that was not authenticated."""
    return Refusal(codes.RESULT_NOT_AUTHENTICATED, _NOT_AUTHENTICATED_MESSAGE)


def charge(
    bank: Bank, mall: Mall, request: BatchApprovalRequest, *, issuer_refusal: Refusal | None
) -> Transaction:
    """Charge a billing key, once."""
    check_positive_amount(request.amount)
    card_method = request.pay_method_info.card_method_info
    if request.currency != codes.CURRENCY_KRW:
        raise bad_field("currency", "00 이어야 합니다")
    if not 0 <= card_method.installment_month <= _INSTALLMENT_MAX:
        raise bad_field("payMethodInfo.cardMethodInfo.installmentMonth", "0~60 이어야 합니다")
    if not mall.billing:
        raise Refusal(refusal.NOT_PERMITTED, codes.MESSAGE_MALL_NOT_PERMITTED)
    key = active_key(bank, mall, request.pay_method_info.bill_key_method_info.batch_key)
    bank.claim_order(mall.mall_id, request.shop_order_no)
    if issuer_refusal is not None:
        raise issuer_refusal
    values = request.shop_value_info
    return _transaction(
        bank,
        mall,
        kind="charge",
        pg_cno=bank.numbers.pg_cno(),
        shop_order_no=request.shop_order_no,
        shop_transaction_id=request.shop_transaction_id,
        amount=request.amount,
        goods_name=request.order_info.goods_name,
        customer=request.order_info.customer_info,
        shop_values=shop_values(values) if values is not None else (),
        method=codes.PAY_METHOD_CARD,
        card=key.card,
        batch_key=key.batch_key,
        installment=card_method.installment_month,
    )


def active_key(bank: Bank, mall: Mall, batch_key: str) -> BillingKey:
    """V12: the key, if it is active and this mall's."""
    key = bank.keys.get(batch_key)
    if key is None or key.mall_id != mall.mall_id or key.removed_at:
        raise Refusal(refusal.UNKNOWN_BATCH_KEY, "등록되지 않은 빌링키입니다")
    return key


def _issue_key(bank: Bank, mall: Mall, request: ApprovalRequest, session: Session) -> Transaction:
    assert session.card is not None
    batch_key = bank.numbers.batch_key(mall.mall_id)
    issued = _transaction(
        bank,
        mall,
        kind="key",
        pg_cno=session.pg_cno,
        shop_order_no=request.shop_order_no,
        shop_transaction_id=request.shop_transaction_id,
        amount=0,
        method=codes.PAY_METHOD_CARD,
        card=session.card,
        batch_key=batch_key,
        goods_name=session.goods_name,
        customer=session.customer,
        shop_values=session.shop_values,
    )
    issued.status = ""
    bank.keys[batch_key] = BillingKey(
        batch_key=batch_key,
        mall_id=mall.mall_id,
        pg_cno=issued.pg_cno,
        shop_order_no=issued.shop_order_no,
        card=session.card,
        issued_at=issued.at,
    )
    return issued


def _transaction(
    bank: Bank,
    mall: Mall,
    /,
    *,
    kind: Literal["payment", "key", "charge"],
    amount: int,
    **rest: Any,
) -> Transaction:
    captures = codes.STATUS_CAPTURE_REQUESTED if mall.auto_capture else codes.STATUS_APPROVED
    paid = Transaction(
        mall_id=mall.mall_id,
        kind=kind,
        amount=amount,
        remain=amount,
        at=bank.clock.stamp(),
        approval_no=bank.numbers.approval_no(),
        van_sno=bank.numbers.van_sno(),
        status=captures,
        **rest,
    )
    bank.transactions[paid.pg_cno] = paid
    return paid


def _method_fields(bank: Bank, session: Session) -> dict[str, Any]:
    """The payer's choice in the window: card, wallet, bank, account or phone."""
    method = session.chosen_method
    fields: dict[str, Any] = {"method": method}
    if session.card is not None:
        fields |= {
            "method": codes.PAY_METHOD_CARD,
            "card": session.card,
            "wallet": session.wallet,
            "installment": session.installment,
        }
    elif method == codes.PAY_METHOD_VIRTUAL_ACCOUNT:
        fields["account"] = _account(bank, session)
    elif method == codes.PAY_METHOD_MOBILE:
        fields["mobile"] = MobInfo(
            auth_id=session.pg_cno[-8:],
            bill_id=session.pg_cno,
            mobile_no="010****0000",
            mobile_ansim_used="N",
            mobile_cd="SKT",
        )
    elif method == codes.PAY_METHOD_PREPAID:
        fields["prepaid"] = PrepaidInfo(bill_id=session.pg_cno, remain_amount=0)
    else:
        code = session.bank_code or "004"
        fields["bank"] = BankInfo(bank_code=code, bank_name=BANKS.get(code, ""))
    return fields


def _account(bank: Bank, session: Session) -> VirtualAccountInfo:
    offered = session.banks or BANKS_VIRTUAL_ACCOUNT
    code = session.bank_code if session.bank_code in offered else offered[0]
    expiry = session.account_expiry
    if not expiry:
        expiry = (bank.clock.now() + timedelta(days=3)).strftime("%Y%m%d") + "235959"
    return VirtualAccountInfo(
        bank_code=code,
        bank_name=BANKS.get(code, ""),
        account_no=bank.numbers.account_no(),
        deposit_name=session.shop_name,
        expiry_date=expiry.ljust(14, "0"),
    )

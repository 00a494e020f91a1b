"""Cancel, partly cancel, capture, refund, or advance escrow (§9)."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from kicc_simulator.api.checks import whole_won
from kicc_simulator.ledger import refusal
from kicc_simulator.ledger.bank import Bank, Cancel, PendingRefund, Transaction
from kicc_simulator.ledger.malls import Mall
from kicc_simulator.ledger.refusal import Refusal, bad_field
from kicc_simulator.ledger.signature import is_signed
from kicc_simulator.operations.answers import revise_answer
from kicc_wire import codes
from kicc_wire.messages import ReviseRequest

ESCROW_STEPS = {
    "ES01": ("ES02", "ES07"),
    "ES04": ("ES05", "ES07"),
    "ES07": ("ES08", "ES10", "ES12", "ES13"),
    "ES08": ("ES09",),
    "ES10": ("ES11",),
    "ES12": ("ES14", "ES16"),
    "ES14": ("ES15",),
    "ES16": ("ES19",),
}
"""Where an escrow order may go (§12.1). ES12 and ES13 are the buyer's, not the merchant's."""

ESCROW_MONEY_BACK = ("ES02", "ES09", "ES11", "ES15", "ES19")
_REFUNDABLE = (
    codes.STATUS_DEPOSITED,
    codes.STATUS_REFUNDED,
    codes.STATUS_REFUND_REJECTED,
    codes.STATUS_PARTIALLY_CANCELLED,
)
_BANK_AND_PHONE = (codes.PAY_METHOD_BANK, codes.PAY_METHOD_MOBILE)


class Change(Struct, frozen=True, kw_only=True):
    """The effect of a revise: the refunded amount, the new status, the text, the notice."""

    amount: int
    status: str
    message: str = codes.MESSAGE_DONE
    notice_type: str = codes.NOTICE_CANCEL


def revise(bank: Bank, mall: Mall, request: ReviseRequest, *, is_postponed: bool = False) -> Cancel:
    """Check and carry out one revise.

    ``is_postponed`` (a fault) keeps it pending: VTIM now, VT00 at the first query, then done.
    """
    paid = transaction_to_revise(bank, mall, request)
    pending = bank.pending_refunds.get(paid.pg_cno)
    if request.refund_query_flag == "Y":
        return _ask_refund(bank, paid, request, pending)
    change = _change(bank, mall, paid, request)
    if is_postponed:
        bank.pending_refunds[paid.pg_cno] = PendingRefund(request=request)
        raise _refund_refusal(codes.RESULT_REFUND_TIMED_OUT)
    if pending is not None:
        raise _refund_refusal(codes.RESULT_REFUND_IN_PROGRESS)
    return _apply(bank, paid, request, change)


def transaction_to_revise(bank: Bank, mall: Mall, request: ReviseRequest) -> Transaction:
    """V8 and V13: a signed request about a transaction of this mall."""
    parts = (request.pg_cno, request.shop_transaction_id)
    if not is_signed(request.msg_auth_value, mall.key, *parts):
        raise Refusal(refusal.BAD_SIGNATURE, codes.MESSAGE_BAD_SIGNATURE)
    paid = bank.transactions.get(request.pg_cno)
    if paid is None or paid.mall_id != mall.mall_id:
        raise Refusal(refusal.UNKNOWN_TRANSACTION, "원거래가 존재하지 않습니다")
    return paid


def _change(bank: Bank, mall: Mall, paid: Transaction, request: ReviseRequest) -> Change:
    if paid.kind == "key":
        raise _not_this_way("빌링키 발급 거래는 취소할 수 없습니다")
    decide = _BY_TYPE.get(request.revise_type_code)
    if decide is None:
        raise bad_field("reviseTypeCode", "지원하지 않는 값입니다")
    return decide(bank, mall, paid, request)


def _capture(_bank: Bank, mall: Mall, paid: Transaction, _request: ReviseRequest) -> Change:
    if mall.auto_capture:
        raise Refusal(refusal.NOT_PERMITTED, "수동매입 가맹점이 아닙니다")
    if paid.status != codes.STATUS_APPROVED:
        raise Refusal(refusal.WRONG_STATE, "매입요청할 수 없는 상태입니다")
    return Change(amount=0, status=codes.STATUS_CAPTURE_REQUESTED, notice_type="")


def _cancel_all(bank: Bank, _mall: Mall, paid: Transaction, request: ReviseRequest) -> Change:
    """40: once, and not after a 32 unless the switch allows it (V14, V16)."""
    _check_not_cancelled(paid)
    if paid.is_escrow:
        raise _not_this_way("에스크로 거래는 61로 취소합니다")
    if paid.account is not None and paid.status != codes.STATUS_AWAITING_DEPOSIT:
        raise _not_this_way("입금된 가상계좌는 환불(60, 62, 63)만 가능합니다")
    if paid.remain < paid.amount and not bank.switches.cancel_after_partial:
        raise Refusal(refusal.FULL_AFTER_PARTIAL, "부분취소된 거래는 전체취소할 수 없습니다")
    amount = whole_won("amount", request.amount)
    if amount is not None and amount != paid.remain:
        raise Refusal(refusal.BAD_CANCEL_AMOUNT, "전체취소 금액이 취소가능금액과 다릅니다")
    _check_remain(paid, request)
    if paid.is_captured:
        return Change(
            amount=paid.remain,
            status=codes.STATUS_CAPTURE_CANCELLED,
            message=codes.MESSAGE_CANCELLED_AFTER_CAPTURE,
        )
    return Change(
        amount=paid.remain,
        status=codes.STATUS_APPROVAL_CANCELLED,
        message=codes.MESSAGE_CANCELLED,
    )


def _cancel_part(_bank: Bank, mall: Mall, paid: Transaction, request: ReviseRequest) -> Change:
    """32: any number of times until nothing is left; always TS06 (V15)."""
    _check_partly_cancellable(mall, paid)
    if paid.card is None or paid.is_escrow:
        raise _not_this_way("카드 거래만 부분취소(32)할 수 있습니다")
    if not paid.card.part_cancel:
        raise _not_this_way("부분취소할 수 없는 카드입니다")
    amount = _part_amount(paid, request)
    return Change(amount=amount, status=codes.STATUS_PARTIALLY_CANCELLED)


def _cancel_part_bank(_bank: Bank, mall: Mall, paid: Transaction, request: ReviseRequest) -> Change:
    """33: the same for bank transfers and mobile phones."""
    _check_partly_cancellable(mall, paid)
    if paid.card is not None or paid.method not in _BANK_AND_PHONE or paid.is_escrow:
        raise _not_this_way("계좌이체와 휴대폰만 부분취소(33)할 수 있습니다")
    amount = _part_amount(paid, request)
    return Change(amount=amount, status=codes.STATUS_PARTIALLY_CANCELLED)


def _refund(_bank: Bank, _mall: Mall, paid: Transaction, request: ReviseRequest) -> Change:
    """60 and 62: requested now, paid out the next day."""
    if request.revise_sub_type_code != codes.REVISE_SUB_REFUND:
        raise bad_field("reviseSubTypeCode", "RF01 이어야 합니다")
    is_full = request.revise_type_code == codes.REVISE_DEFERRED_REFUND
    amount = _refund_amount(paid, request, is_full=is_full)
    return Change(amount=amount, status=codes.STATUS_REFUND_REQUESTED, notice_type="")


def _refund_now(_bank: Bank, _mall: Mall, paid: Transaction, request: ReviseRequest) -> Change:
    """63: paid out while the merchant waits."""
    sub = request.revise_sub_type_code
    if sub not in codes.REVISE_SUB_INSTANT_FULL + codes.REVISE_SUB_INSTANT_PARTIAL:
        raise bad_field("reviseSubTypeCode", "10, 11, 20, 21 중 하나여야 합니다")
    is_full = sub in codes.REVISE_SUB_INSTANT_FULL
    amount = _refund_amount(paid, request, is_full=is_full)
    return Change(amount=amount, status=codes.STATUS_REFUNDED)


def _refund_amount(paid: Transaction, request: ReviseRequest, *, is_full: bool) -> int:
    if paid.remain == 0:
        raise Refusal(refusal.ALREADY_CANCELLED, "이미 환불된 거래입니다")
    is_phone = paid.method == codes.PAY_METHOD_MOBILE
    if not is_phone and (paid.account is None or paid.status not in _REFUNDABLE):
        raise _not_this_way("입금된 가상계좌나 휴대폰 결제만 환불할 수 있습니다")
    to = request.refund_info
    if not is_phone and (to is None or not to.refund_bank_code or not to.refund_account_no):
        raise bad_field("refundInfo", "환불계좌가 필요합니다")
    if not is_full:
        return _part_amount(paid, request)
    amount = whole_won("amount", request.amount)
    if amount is not None and amount != paid.remain:
        raise Refusal(refusal.BAD_CANCEL_AMOUNT, "환불 금액이 취소가능금액과 다릅니다")
    return paid.remain


def _escrow(_bank: Bank, _mall: Mall, paid: Transaction, request: ReviseRequest) -> Change:
    """61: only along the steps of §12.1 (V18)."""
    step = request.revise_sub_type_code or ""
    if step not in codes.REVISE_SUB_ESCROW:
        raise bad_field("reviseSubTypeCode", "에스크로 상태코드가 아닙니다")
    check_escrow_step(paid, step)
    if step == "ES07" and (request.escrow_info is None or not request.escrow_info.delivery_code):
        raise bad_field("escrowInfo.deliveryCode", "필수 항목입니다")
    amount = paid.remain if step in ESCROW_MONEY_BACK else 0
    return Change(amount=amount, status=step, notice_type=codes.NOTICE_ESCROW)


def check_escrow_step(paid: Transaction, step: str) -> None:
    """Refuse a step that does not follow the present status."""
    if not paid.is_escrow or step not in ESCROW_STEPS.get(paid.status, ()):
        raise Refusal(refusal.BAD_ESCROW_STEP, f"{paid.status}에서 {step}(으)로 변경할 수 없습니다")


def _no_receipts(_bank: Bank, _mall: Mall, _paid: Transaction, _request: ReviseRequest) -> Change:
    raise _not_this_way("단독 현금영수증은 시뮬레이터가 다루지 않습니다")


_BY_TYPE: dict[str, Callable[[Bank, Mall, Transaction, ReviseRequest], Change]] = {
    codes.REVISE_CAPTURE: _capture,
    codes.REVISE_PARTIAL_CANCEL: _cancel_part,
    codes.REVISE_PARTIAL_CANCEL_BANK_MOBILE: _cancel_part_bank,
    codes.REVISE_FULL_CANCEL: _cancel_all,
    codes.REVISE_CASH_RECEIPT_CANCEL: _no_receipts,
    codes.REVISE_CASH_RECEIPT_PARTIAL_CANCEL: _no_receipts,
    codes.REVISE_DEFERRED_REFUND: _refund,
    codes.REVISE_DEFERRED_PARTIAL_REFUND: _refund,
    codes.REVISE_ESCROW: _escrow,
    codes.REVISE_INSTANT_REFUND: _refund_now,
}


def _check_partly_cancellable(mall: Mall, paid: Transaction) -> None:
    if not mall.partial_cancel:
        raise Refusal(refusal.NOT_PERMITTED, "부분취소 불가 가맹점")
    _check_not_cancelled(paid)


def _check_not_cancelled(paid: Transaction) -> None:
    if paid.status in codes.STATUSES_FULLY_CANCELLED or paid.remain == 0:
        raise Refusal(refusal.ALREADY_CANCELLED, "이미 취소된 거래입니다")


def _part_amount(paid: Transaction, request: ReviseRequest) -> int:
    amount = whole_won("amount", request.amount)
    if amount is None or amount <= 0:
        raise bad_field("amount", "부분취소에는 1 이상이 필요합니다")
    if amount > paid.remain:
        raise Refusal(refusal.BAD_CANCEL_AMOUNT, "취소 금액이 취소가능금액보다 큽니다")
    _check_remain(paid, request)
    return amount


def _check_remain(paid: Transaction, request: ReviseRequest) -> None:
    remain = whole_won("remainAmount", request.remain_amount)
    if remain is not None and remain != paid.remain:
        raise Refusal(refusal.BAD_CANCEL_AMOUNT, "취소가능금액(remainAmount)이 다릅니다")


def _refund_refusal(code: str) -> Refusal:
    return Refusal(code, codes.RESULTS[code])


def _not_this_way(message: str) -> Refusal:
    return Refusal(refusal.NOT_CANCELLABLE_THIS_WAY, message)


def _apply(bank: Bank, paid: Transaction, request: ReviseRequest, change: Change) -> Cancel:
    return apply_change(
        bank,
        paid,
        change,
        shop_transaction_id=request.shop_transaction_id,
        revise_type=request.revise_type_code,
    )


def apply_change(
    bank: Bank, paid: Transaction, change: Change, *, shop_transaction_id: str, revise_type: str
) -> Cancel:
    """Change a transaction and record the cancel with its answer."""
    at = bank.clock.stamp()
    paid.remain -= change.amount
    paid.status = change.status
    cancel_pg_cno = bank.numbers.pg_cno()
    answer = revise_answer(
        paid,
        shop_transaction_id=shop_transaction_id,
        cancel_pg_cno=cancel_pg_cno,
        at=at,
        amount=change.amount,
        message=change.message,
    )
    cancel = Cancel(
        cancel_pg_cno=cancel_pg_cno,
        shop_transaction_id=shop_transaction_id,
        revise_type=revise_type,
        amount=change.amount,
        remain=paid.remain,
        status=paid.status,
        at=at,
        notice_type=change.notice_type,
        answer=answer,
    )
    paid.cancels.append(cancel)
    return cancel


def _ask_refund(
    bank: Bank, paid: Transaction, request: ReviseRequest, pending: PendingRefund | None
) -> Cancel:
    """refundQueryFlag: the result of a refund that timed out. It moves no money twice."""
    if pending is None:
        done = [cancel for cancel in paid.cancels if cancel.notice_type == codes.NOTICE_CANCEL]
        if not done:
            raise Refusal(refusal.NOT_FOUND, "조회된 환불이 없습니다")
        answer = replace(done[-1].answer, shop_transaction_id=request.shop_transaction_id)
        return replace(done[-1], answer=answer, notice_type="")
    pending.queries += 1
    if pending.queries == 1:
        raise _refund_refusal(codes.RESULT_REFUND_IN_PROGRESS)
    del bank.pending_refunds[paid.pg_cno]
    original = replace(pending.request, shop_transaction_id=request.shop_transaction_id)
    change = _change(bank, bank.malls[paid.mall_id], paid, original)
    return _apply(bank, paid, original, change)

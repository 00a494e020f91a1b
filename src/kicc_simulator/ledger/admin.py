"""The bank's own jobs (§12.1, §14.1 S7) and its records for the control API and the console."""

from typing import Any

from kicc_simulator.ledger import refusal
from kicc_simulator.ledger.bank import Bank, Transaction
from kicc_simulator.ledger.refusal import Refusal
from kicc_simulator.operations.revise import Change, apply_change
from kicc_wire import codes

_ESCROW_DONE = {"ES05": "ES06"}


def capture_batch(bank: Bank) -> int:
    """Run the nightly capture (TS03 becomes TS04) and return the number of captures."""
    captured = 0
    for paid in bank.transactions.values():
        if paid.is_captured or paid.kind == "key":
            continue
        if paid.status == codes.STATUS_CAPTURE_REQUESTED:
            paid.status = codes.STATUS_CAPTURED
            paid.is_captured = True
            captured += 1
        elif paid.status == codes.STATUS_PARTIALLY_CANCELLED and paid.remain:
            paid.is_captured = True
    return captured


def nightly_void(bank: Bank) -> int:
    """Cancel every approval that holds money, without a notice, as the test host does at 23:00."""
    voided = 0
    statuses = (*codes.STATUSES_HOLDING_MONEY, codes.STATUS_PARTIALLY_CANCELLED)
    for paid in bank.transactions.values():
        if paid.status in statuses and paid.remain and paid.kind != "key":
            _cancel_rest(bank, paid, status=codes.STATUS_APPROVAL_CANCELLED, revise_type="void")
            voided += 1
    return voided


def _cancel_rest(bank: Bank, paid: Transaction, *, status: str, revise_type: str) -> None:
    """Cancel the rest of a transaction without a merchant's request."""
    change = Change(amount=paid.remain, status=status)
    apply_change(bank, paid, change, shop_transaction_id="", revise_type=revise_type)


def deposit(bank: Bank, paid: Transaction) -> None:
    """The payer pays into the virtual account."""
    if paid.account is None or paid.status not in (codes.STATUS_AWAITING_DEPOSIT, "ES03"):
        raise Refusal(refusal.WRONG_STATE, f"no deposit is awaited ({paid.status})")
    paid.status = "ES04" if paid.is_escrow else codes.STATUS_DEPOSITED
    paid.deposit_pg_cno = bank.numbers.pg_cno()


def reverse_deposit(paid: Transaction) -> None:
    """The bank reverses the deposit; the account waits again and keeps the deposit's number."""
    if paid.account is None or paid.status not in (codes.STATUS_DEPOSITED, "ES04"):
        raise Refusal(refusal.WRONG_STATE, f"there is no deposit to reverse ({paid.status})")
    paid.status = "ES03" if paid.is_escrow else codes.STATUS_AWAITING_DEPOSIT


def settle_refunds(bank: Bank, *, is_refused: bool) -> list[Transaction]:
    """The job of the next day: requested refunds are paid out, or refused by the bank."""
    settled = []
    for paid in bank.transactions.values():
        if paid.status in _ESCROW_DONE and not is_refused:
            paid.status = _ESCROW_DONE[paid.status]
            _cancel_rest(bank, paid, status=paid.status, revise_type="refund")
            settled.append(paid)
        elif paid.status == codes.STATUS_REFUND_REQUESTED:
            if is_refused:
                paid.remain += paid.cancels[-1].amount
                paid.cancels[-1].amount = 0
            paid.status = codes.STATUS_REFUND_REJECTED if is_refused else codes.STATUS_REFUNDED
            settled.append(paid)
    return settled


def confirm_escrow(paid: Transaction, step: str) -> None:
    """The buyer confirms (ES12) or rejects (ES13) a delivery."""
    if not paid.is_escrow or paid.status != "ES07" or step not in ("ES12", "ES13"):
        raise Refusal(refusal.BAD_ESCROW_STEP, f"{paid.status} cannot become {step}")
    paid.status = step


def transaction_shown(paid: Transaction) -> dict[str, Any]:
    """One transaction for the control API, under KICC's field names."""
    return {
        "pgCno": paid.pg_cno,
        "mallId": paid.mall_id,
        "kind": paid.kind,
        "shopOrderNo": paid.shop_order_no,
        "shopTransactionId": paid.shop_transaction_id,
        "amount": paid.amount,
        "paidAmount": paid.paid_krw,
        "remainAmount": paid.remain,
        "cancelledAmount": cancelled_krw(paid),
        "statusCode": paid.status,
        "transactionDate": paid.at,
        "approvalNo": paid.approval_no,
        "payMethodTypeCode": paid.method,
        "batchKey": paid.batch_key,
        "goodsName": paid.goods_name,
        "cardNo": paid.card.payment_mask if paid.card else "",
        "accountNo": (paid.account.account_no or "") if paid.account else "",
        "cancels": [
            {
                "cancelPgCno": cancel.cancel_pg_cno,
                "shopTransactionId": cancel.shop_transaction_id,
                "reviseTypeCode": cancel.revise_type,
                "amount": cancel.amount,
                "remainAmount": cancel.remain,
                "statusCode": cancel.status,
                "transactionDate": cancel.at,
            }
            for cancel in paid.cancels
        ],
    }


def cancelled_krw(paid: Transaction) -> int:
    """The amount that went back to the payer."""
    return paid.amount - paid.remain if paid.paid_krw else 0


def sums(bank: Bank) -> tuple[dict[str, dict[str, int]], dict[tuple[str, str], dict[str, int]]]:
    """The sums in won by mall, and by order of a mall.

    ``approvals`` counts approvals that took money, ``live`` those with a rest.
    """
    by_mall: dict[str, dict[str, int]] = {}
    by_order: dict[tuple[str, str], dict[str, int]] = {}
    for paid in bank.transactions.values():
        if paid.kind == "key" or not paid.paid_krw:
            continue
        back = cancelled_krw(paid)
        for sum_of in (
            by_mall.setdefault(paid.mall_id, _nothing()),
            by_order.setdefault((paid.mall_id, paid.shop_order_no), _nothing()),
        ):
            sum_of["approvals"] += 1
            sum_of["live"] += paid.paid_krw > back
            sum_of["approved"] += paid.paid_krw
            sum_of["cancelled"] += back
            sum_of["net"] += paid.paid_krw - back
    return by_mall, by_order


def _nothing() -> dict[str, int]:
    return {"approvals": 0, "live": 0, "approved": 0, "cancelled": 0, "net": 0}

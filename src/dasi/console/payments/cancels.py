"""The review of a cancel: the amount, the buyer and what remains, and the cancel itself."""

from functools import partial

from starlette.responses import Response

from dasi.cancels import CancelRequest, cancel
from dasi.console.confirmation import Fact, Review, moment, won
from dasi.console.labels.label import Label
from dasi.console.request import ConsoleRequest
from dasi.foundation.errors import Conflict, Invalid, NotAllowed
from dasi.ledger import AMOUNT_MAX_KRW, Payment, Status
from dasi.reporting import get_payment_detail

_CANCELLABLE = (Status.PAID, Status.PARTLY_CANCELLED)

_DIGITS_MAX = 15


async def review_cancel(request: ConsoleRequest) -> Review:
    """Show what will be refunded. Everything is cancelled only if `all` asks for it."""
    imp_uid = request.http.path_params["imp_uid"]
    detail = await get_payment_detail(request.engine, request.merchant_id, imp_uid)
    payment = detail.payment
    _check_cancellable(payment)
    if request.query("all") == "1":
        amount_krw, tax_free_krw = payment.remain_krw, None
    else:
        amount_krw = _amount(request, payment)
        tax_free_krw = read_won(request.query("tax_free"), "tax_free", minimum=0)
    if amount_krw < payment.amount_krw and payment.can_cancel_in_part is False:
        raise NotAllowed("no_partial_cancel", imp_uid=imp_uid)
    await request.audit_view("payment_viewed", target=imp_uid)
    is_all = amount_krw == payment.remain_krw
    title = (
        Label("남은 금액을 모두 취소할까요?", "Cancel all that remains?")
        if is_all
        else Label("결제를 부분 취소할까요?", "Cancel a part of this payment?")
    )
    money = won(amount_krw)
    return Review(
        title=title,
        warning=Label(
            f"고객에게 {money.ko}을 환불합니다. 되돌릴 수 없습니다.",
            f"The payer gets {money.en} back. This cannot be undone.",
        ),
        facts=_facts(request.shown(payment), amount_krw, tax_free_krw),
        button=Label(f"{money.ko} 취소", f"Cancel {money.en}"),
        back=request.url(f"/payments/{imp_uid}"),
        act=partial(_cancel, request, payment, amount_krw, tax_free_krw),
        asks_reason=True,
        state=(payment.status, payment.remain_krw),
    )


def _check_cancellable(payment: Payment) -> None:
    if payment.status is Status.CANCELLED:
        raise Conflict("already_cancelled", imp_uid=payment.imp_uid)
    if payment.status is Status.PENDING:
        raise Conflict("order_in_doubt", imp_uid=payment.imp_uid)
    if payment.status not in _CANCELLABLE or payment.purpose != "payment":
        raise Conflict("not_paid", imp_uid=payment.imp_uid)


def _amount(request: ConsoleRequest, payment: Payment) -> int:
    """Return the amount of the form. An empty field is an error: it never means all."""
    amount_krw = read_won(request.query("amount"), "amount")
    if amount_krw is None:
        raise Invalid("amount", "cancel_amount", maximum=payment.remain_krw)
    if amount_krw > payment.remain_krw:
        raise Invalid("amount", "won_between", minimum=1, maximum=payment.remain_krw)
    return amount_krw


def _facts(payment: Payment, amount_krw: int, tax_free_krw: int | None) -> tuple[Fact, ...]:
    facts: list[Fact] = [
        (Label("취소할 금액", "Amount to cancel"), won(amount_krw)),
        (Label("취소 후 남는 금액", "Remaining afterwards"), won(payment.remain_krw - amount_krw)),
        (Label("지금 취소할 수 있는 금액", "Cancellable now"), won(payment.remain_krw)),
        (Label("결제 금액", "Paid"), won(payment.amount_krw)),
    ]
    if tax_free_krw is not None:
        facts.insert(1, (Label("그중 면세 금액", "Tax-free part of it"), won(tax_free_krw)))
    if payment.cancelled_krw:
        facts.append((Label("이미 취소된 금액", "Cancelled before"), won(payment.cancelled_krw)))
    facts += [
        (Label("구매자", "Buyer"), payment.buyer.name or payment.customer_uid or "—"),
        (Label("주문명", "Order name"), payment.name),
        (Label("주문번호", "Order ID"), payment.merchant_uid),
        (Label("결제 시각", "Paid at"), moment(payment.paid_at)),
    ]
    if payment.card.name:
        card = f"{payment.card.name} {payment.card.number_masked or ''}".strip()
        facts.append((Label("카드", "Card"), card))
    if payment.is_sandbox:
        facts.append(
            (Label("모드", "Mode"), Label("테스트 (실제 돈이 아닙니다)", "Test: no real money"))
        )
    return tuple(facts)


async def _cancel(
    request: ConsoleRequest,
    payment: Payment,
    amount_krw: int,
    tax_free_krw: int | None,
    reason: str,
) -> Response:
    # The entry comes first: a cancel cannot be undone, and its response may be lost.
    await request.audit(
        "payment_cancelled", target=payment.imp_uid, detail=f"{amount_krw:,}원 {reason}"
    )
    await cancel(
        request.engine,
        request.merchant_id,
        CancelRequest(
            imp_uid=payment.imp_uid,
            merchant_uid=None,
            amount_krw=amount_krw,
            checksum_krw=payment.remain_krw,
            reason=reason,
            tax_free_krw=tax_free_krw,
            notify_merchant=True,
            actor=f"user:{request.user.email}",
        ),
    )
    return request.redirect(f"{request.url(f'/payments/{payment.imp_uid}')}?done=cancelled")


def read_won(text: str, name: str, *, minimum: int = 1) -> int | None:
    """Return a text as whole won, None if it is empty. Commas are allowed. Raise `Invalid`."""
    digits = text.replace(",", "").removesuffix("원").strip()
    if not digits:
        return None
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX
    if not is_number or not minimum <= int(digits) <= AMOUNT_MAX_KRW:
        raise Invalid(name, "won_at_least", minimum=minimum)
    return int(digits)

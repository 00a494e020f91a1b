"""The next actions on a payment: text, time, and whether the gateway or a user acts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dasi.console.labels.label import Label, label
from dasi.console.labels.states import ATTEMPT_KIND
from dasi.ledger import PaymentAttempt, Status
from dasi.reporting import PaymentDetail
from dasi.schedules import Schedule
from dasi.webhooks import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAction:
    """One action to come. `at` is None if no time is planned."""

    at: datetime | None
    text: Label
    deadline_at: datetime | None = None
    is_automatic: bool = True
    attempt_id: str | None = None
    """The unresolved attempt that a user may look up now."""
    is_manual: bool = False
    """The attempt waits for a manual resolution."""
    event_id: str | None = None
    """The webhook event that a user may resend."""
    merchant_uid: str | None = None
    """The order of a scheduled payment."""


def next_actions(
    detail: PaymentDetail,
    deliveries: Sequence[Delivery],
    schedules: Sequence[Schedule],
    *,
    now: datetime,
) -> list[NextAction]:
    """Return the next actions, soonest first, at least one.

    `schedules` are the waiting schedules of the same card.
    """
    actions = [_for_unresolved(attempt) for attempt in detail.attempts if attempt.is_open]
    if detail.payment.status is Status.READY:
        actions += [
            _for_window(window.expires_at) for window in detail.windows if window.state == "open"
        ]
    actions += [_for_delivery(delivery) for delivery in deliveries if delivery.state == "pending"]
    actions += [
        _for_failed_delivery(delivery) for delivery in deliveries if delivery.state == "failed"
    ]
    if not actions:
        actions = [_final(detail)]
    actions += [_for_schedule(schedule, detail) for schedule in schedules]
    return sorted(actions, key=lambda action: action.at or now)


def _for_unresolved(attempt: PaymentAttempt) -> NextAction:
    kind = label(ATTEMPT_KIND, attempt.kind)
    if attempt.escalated_at is not None:
        return NextAction(
            at=None,
            text=Label(
                f"{kind.ko} 결과를 자동으로 확인하지 못했습니다. KICC 관리자 화면에서 거래를 "
                "확인한 뒤 미확정 거래 화면에서 처리하세요. 그때까지 다시 청구하지 않습니다.",
                f"{kind.en}: the result could not be confirmed automatically. Check it in KICC's "
                "admin, then resolve it under Unresolved. Until then nothing is charged again.",
                "bad",
            ),
            deadline_at=attempt.deadline_at,
            is_automatic=False,
            attempt_id=attempt.attempt_id,
            is_manual=True,
        )
    return NextAction(
        at=attempt.next_lookup_at,
        text=Label(
            f"{kind.ko} 결과를 PG에서 조회합니다 (조회 {attempt.lookups}회). "
            "다시 청구하지 않습니다.",
            f"{kind.en}: the result is looked up at the PG ({attempt.lookups} lookups so far). "
            "Nothing is charged again.",
            "wait",
        ),
        deadline_at=attempt.deadline_at,
        attempt_id=attempt.attempt_id,
    )


def _for_delivery(delivery: Delivery) -> NextAction:
    return NextAction(
        at=delivery.next_attempt_at,
        text=Label(
            f"웹훅 {delivery.kind}: {delivery.url} 주소로 전송합니다 (시도 {delivery.attempts}회).",
            f"Webhook {delivery.kind} is sent to {delivery.url} (attempts: {delivery.attempts}).",
            "wait",
        ),
    )


def _for_failed_delivery(delivery: Delivery) -> NextAction:
    return NextAction(
        at=None,
        text=Label(
            f"웹훅 {delivery.kind}: 전송에 실패했습니다. 수신 서버를 확인한 뒤 재발송하세요.",
            f"Webhook {delivery.kind} failed. Check the endpoint, then resend it.",
            "bad",
        ),
        is_automatic=False,
        event_id=delivery.event_id,
    )


def _for_schedule(schedule: Schedule, detail: PaymentDetail) -> NextAction:
    amount = f"{schedule.amount_krw:,}"
    is_again = schedule.merchant_uid == detail.payment.merchant_uid
    return NextAction(
        at=schedule.schedule_at,
        text=Label(
            f"{'이 주문을 다시 청구합니다' if is_again else '같은 빌링키의 다음 결제 예약'}: "
            f"{schedule.name} {amount}원",
            f"{'This order is charged again' if is_again else 'Next scheduled payment'}: "
            f"{schedule.name}, {amount} won",
            "off",
        ),
        is_automatic=False,  # days away: the page need not renew itself for it
        merchant_uid=schedule.merchant_uid,
    )


def _for_window(expires_at: datetime) -> NextAction:
    return NextAction(
        at=expires_at,
        text=Label(
            "결제창 결과를 기다립니다. 이 시각까지 결과가 없으면 결제창이 만료됩니다.",
            "Waiting for the result of the payment window, which expires at this time.",
            "wait",
        ),
    )


def _final(detail: PaymentDetail) -> NextAction:
    payment = detail.payment
    if payment.status is Status.FAILED:
        text = Label(
            "종료된 결제입니다. 같은 주문번호로 다시 결제할 수 있습니다.",
            "This payment has ended. The order may be paid again.",
            "off",
        )
    elif payment.status is Status.CANCELLED:
        text = Label(
            "전액 취소된 결제입니다. 남은 금액이 없습니다.",
            "This payment is cancelled in full. Nothing remains.",
            "off",
        )
    elif payment.purpose == "key_issue":
        text = Label(
            "빌링키가 발급되었습니다. 청구된 금액은 없습니다.",
            "The billing key is issued. Nothing was charged.",
            "off",
        )
    else:
        text = Label(
            f"예정된 처리가 없습니다. {payment.remain_krw:,}원까지 취소할 수 있습니다.",
            f"No next steps. Up to {payment.remain_krw:,} won can be cancelled.",
            "off",
        )
    return NextAction(at=None, text=text, is_automatic=False)

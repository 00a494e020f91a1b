"""The reviews of what cannot be undone about schedules: cancel one, charge now, pause, resume."""

from functools import partial

from starlette.responses import Response

from dasi.billing_keys import keys_of_customer
from dasi.console.confirmation import Fact, Review, counted, moment, won
from dasi.console.labels.label import Label
from dasi.console.merchant.schedules import redirect_to_day
from dasi.console.request import ConsoleRequest
from dasi.foundation.errors import Conflict, NotFound
from dasi.ledger import Status
from dasi.scheduler import retry
from dasi.schedules import (
    Schedule,
    ScheduleStatus,
    find_schedule,
    pause_schedules,
    pauses,
    resume_schedules,
    revoke,
    stats,
)


async def review_revoke(request: ConsoleRequest) -> Review:
    schedule = await _schedule(request)
    if schedule.status is not ScheduleStatus.SCHEDULED:
        raise Conflict("schedule_not_waiting", merchant_uid=schedule.merchant_uid)
    return Review(
        title=Label("이 결제 예약을 해지할까요?", "Cancel this scheduled payment?"),
        warning=Label(
            "이 주문은 예약일시에 결제되지 않습니다. 다시 결제하려면 즉시 재시도하거나 새로 "
            "예약해야 합니다.",
            "The order will not be charged. To charge it later, retry it or schedule it again.",
        ),
        facts=_facts(schedule),
        button=Label("예약 해지", "Cancel schedule"),
        back=_back(request),
        act=partial(_revoke, request, schedule.merchant_uid),
        asks_reason=True,
    )


async def review_retry(request: ConsoleRequest) -> Review:
    schedule = await _schedule(request)
    if schedule.payment_status is Status.PAID:
        raise Conflict("schedule_paid", merchant_uid=schedule.merchant_uid)
    if schedule.status in (ScheduleStatus.SCHEDULED, ScheduleStatus.RUNNING):
        raise Conflict("schedule_not_ended", merchant_uid=schedule.merchant_uid)
    keys = await keys_of_customer(request.engine, request.merchant_id, schedule.customer_uid)
    active = next((key for key in keys if key.status == "active"), None)
    if active is None:
        raise NotFound("unknown_schedule_key", customer_uid=schedule.customer_uid)
    money = won(schedule.amount_krw)
    card = f"{active.card_name or ''} {active.card_number or ''}".strip()
    return Review(
        title=Label("지금 결제할까요?", "Charge this card now?"),
        warning=Label(
            f"고객의 카드로 {money.ko}을 바로 결제합니다.",
            f"The customer's card is charged {money.en} at once.",
        ),
        facts=(*_facts(schedule), (Label("카드", "Card"), card or "—")),
        button=Label(f"{money.ko} 결제", f"Charge {money.en}"),
        back=_back(request),
        act=partial(_retry, request, schedule.merchant_uid),
        state=(schedule.status, schedule.imp_uid, schedule.payment_status),
    )


async def review_pause(request: ConsoleRequest) -> Review:
    if request.merchant_id in await pauses(request.engine):
        raise Conflict("schedules_are_paused")
    waiting = await stats.waiting(request.engine, request.merchant_id)
    return Review(
        title=Label("결제 예약을 모두 일시 중지할까요?", "Pause all scheduled payments?"),
        warning=Label(
            "이 가맹점의 결제 예약을 실행하지 않습니다. 실행 중인 결제는 끝까지 진행합니다. "
            "재개하면 예약일시가 지난 건부터 순서대로 결제합니다.",
            "No scheduled payment of this merchant starts. Running payments are completed. When "
            "you resume, overdue payments are charged in order.",
        ),
        facts=(
            (Label("가맹점", "Merchant"), request.merchant.name),
            (Label("멈추는 결제 예약", "Scheduled payments stopped"), counted(waiting.count)),
            (Label("그 금액", "Their amount"), won(waiting.amount_krw)),
            (Label("다음 예약일시", "Next due"), moment(waiting.first_at)),
        ),
        button=Label("모두 일시 중지", "Pause all"),
        back=_back(request),
        act=partial(_pause, request),
        asks_reason=True,
        typed=request.merchant.code,
    )


async def review_resume(request: ConsoleRequest) -> Review:
    pause = (await pauses(request.engine)).get(request.merchant_id)
    if pause is None:
        raise Conflict("schedules_not_paused")
    waiting = await stats.waiting(request.engine, request.merchant_id)
    return Review(
        title=Label("결제 예약을 재개할까요?", "Resume scheduled payments?"),
        warning=Label(
            "예약일시가 지난 결제를 지금부터 순서대로 실행합니다. 결제는 되돌릴 수 없습니다.",
            "Overdue payments are charged from now on, in order. A charge cannot be undone.",
        ),
        facts=(
            (Label("일시 중지한 시각", "Paused since"), moment(pause[0])),
            (Label("사유", "Reason"), pause[1]),
            (Label("바로 결제되는 예약", "Charged at once"), counted(waiting.due)),
            (Label("그 금액", "Their amount"), won(waiting.due_krw)),
            (Label("기다리는 예약 전체", "All that wait"), counted(waiting.count)),
        ),
        button=Label("재개", "Resume"),
        back=_back(request),
        act=partial(_resume, request),
    )


async def _schedule(request: ConsoleRequest) -> Schedule:
    return await find_schedule(request.engine, request.merchant_id, request.query("merchant_uid"))


def _facts(schedule: Schedule) -> tuple[Fact, ...]:
    return (
        (Label("금액", "Amount"), won(schedule.amount_krw)),
        (Label("주문명", "Order name"), schedule.name),
        (Label("주문번호", "Order ID"), schedule.merchant_uid),
        (Label("고객", "Customer"), schedule.customer_uid),
        (Label("예약일시", "Due"), moment(schedule.schedule_at)),
    )


def _back(request: ConsoleRequest) -> str:
    day = request.query("day")
    return f"{request.url('/schedules')}?day={day}" if day else request.url("/schedules")


async def _revoke(request: ConsoleRequest, merchant_uid: str, reason: str) -> Response:
    await revoke(
        request.engine, request.merchant_id, customer_uid=None, merchant_uids=[merchant_uid]
    )
    await request.audit("schedule_revoked", target=merchant_uid, detail=reason)
    return redirect_to_day(request, "revoked")


async def _retry(request: ConsoleRequest, merchant_uid: str, _reason: str) -> Response:
    """Charge now. The audit entry comes first, because a charge cannot be undone."""
    await request.audit("schedule_retried", target=merchant_uid)
    payment = await retry(request.engine, request.merchant_id, merchant_uid)
    return request.redirect(request.url(f"/payments/{payment.imp_uid}"))


async def _pause(request: ConsoleRequest, reason: str) -> Response:
    await pause_schedules(request.engine, request.merchant_id, reason=reason)
    await request.audit("schedules_paused", detail=reason)
    return redirect_to_day(request, "schedules_paused")


async def _resume(request: ConsoleRequest, _reason: str) -> Response:
    await resume_schedules(request.engine, request.merchant_id)
    await request.audit("schedules_resumed")
    return redirect_to_day(request, "schedules_resumed")

"""The dashboard of a merchant: the numbers of today, mostly as charts."""

import asyncio
from datetime import date, datetime, time, timedelta

from starlette.responses import Response

from dasi.console.payments.charts import bars, ring, spread
from dasi.console.payments.payments import audit_listed
from dasi.console.request import ConsoleRequest
from dasi.foundation.clock import KST, kst_day
from dasi.payment_search import PaymentQuery, browse_payments
from dasi.reporting import count_unresolved, daily_stats, list_unresolved
from dasi.schedules import stats
from dasi.webhooks import delivery_health, failing_endpoints

_RECENT, _UNRESOLVED_MAX, _DAYS_AHEAD = 8, 3, 7
_DAY = timedelta(days=1)


async def show_dashboard(request: ConsoleRequest) -> Response:
    engine, merchant_id = request.engine, request.merchant_id
    is_live = request.merchant.is_live
    now = engine.clock.now()
    today = kst_day(now)
    begins = datetime.combine(today, time.min, tzinfo=KST)
    day, before, unresolved = await asyncio.gather(
        daily_stats(engine, merchant_id, since=begins, include_sandbox=not is_live),
        daily_stats(engine, merchant_id, since=begins - _DAY, include_sandbox=not is_live),
        count_unresolved(engine, merchant_id),
    )
    query = PaymentQuery(is_sandbox=False if is_live else None)
    recent = await browse_payments(engine, merchant_id, query, after=None, limit=_RECENT)
    await audit_listed(request, recent.rows, target="dashboard")
    urgent = await list_unresolved(
        engine, merchant_id, is_manual=unresolved.manual > 0, after=None, limit=_UNRESOLVED_MAX
    )
    late = await stats.start_delay(engine, since=now - _DAY)
    health = await delivery_health(engine, merchant_id, since=begins)
    return request.page(
        "dashboard.html",
        today=today,
        tomorrow=today + _DAY,
        day=day,
        before=before,
        unresolved=unresolved,
        hours=_hours(request, day.paid_krw_by_hour, before.paid_krw_by_hour, now=now),
        success=ring(
            day.paid,
            day.paid + day.failed,
            title=request.t("오늘 결제 성공률", "Success rate today"),
            kind="good",
        ),
        health=health,
        failing=await failing_endpoints(engine, merchant_id),
        hooks=ring(
            health.delivered,
            health.delivered + health.pending + health.failed,
            title=request.t("오늘 웹훅 전송률", "Webhooks delivered today"),
            kind="back",
        ),
        most=max((decline.count for decline in day.declines), default=1),
        urgent=urgent.rows,
        late=late,
        start_delay=spread(
            late.p50_s, late.p99_s, title=request.t("결제 예약 실행 지연", "Start delay")
        ),
        week=await _week(request, today),
        recent=recent.rows,
    )


def _hours(
    request: ConsoleRequest, today: dict[int, int], yesterday: dict[int, int], *, now: datetime
) -> str:
    """Return a chart of the amount charged in each hour of today and of yesterday."""
    return bars(
        [(str(hour), today.get(hour, 0), yesterday.get(hour, 0)) for hour in range(24)],
        title=request.t("시간별 결제 금액, 오늘과 어제", "Amount by hour, today and yesterday"),
        now_at=now.astimezone(KST).hour,
        every=3,
    )


async def _week(request: ConsoleRequest, today: date) -> dict[str, object]:
    """Return the scheduled payments of the next seven days as a chart, and tomorrow's numbers."""
    days = [today + number * _DAY for number in range(1, _DAYS_AHEAD + 1)]
    days_by_date = await stats.calendar(
        request.engine,
        request.merchant_id,
        first=days[0],
        last=days[-1],
        include_sandbox=not request.merchant.is_live,
    )
    amounts = {day: days_by_date[day].waiting_krw if day in days_by_date else 0 for day in days}
    next_day = days_by_date.get(days[0])
    return {
        "count": next_day.waiting if next_day else 0,
        "amount_krw": next_day.waiting_krw if next_day else 0,
        "picture": bars(
            [(str(day.day), amount, 0) for day, amount in amounts.items()],
            title=request.t("향후 7일 예약 금액", "Scheduled for the next seven days"),
            now_at=0,
            every=1,
            width=280,
        ),
    }

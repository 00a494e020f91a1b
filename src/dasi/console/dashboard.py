"""The first page of a merchant: how the day goes, in pictures first."""

from datetime import datetime, time, timedelta

from starlette.responses import Response

from dasi.console.door import Visit
from dasi.console.pictures import bars, ring
from dasi.foundation.clock import KST, kst_day
from dasi.payments import Browse, browse_payments, day_numbers
from dasi.schedules import lateness, preview_day
from dasi.webhooks import delivery_health

_RECENT = 8


async def show_dashboard(visit: Visit) -> Response:
    engine, now = visit.engine, visit.engine.clock.now()
    today = datetime.combine(kst_day(now), time.min, tzinfo=KST)
    day = await day_numbers(engine, visit.merchant_id, since=today, until=today + timedelta(days=1))
    before = await day_numbers(
        engine, visit.merchant_id, since=today - timedelta(days=1), until=today
    )
    health = await delivery_health(engine, visit.merchant_id, since=today)
    recent = await browse_payments(engine, visit.merchant_id, Browse(), behind=None, limit=_RECENT)
    by_hour = {hour.hour: hour for hour in day.hours}
    charged = [(f"{hour}", by_hour[hour].paid_krw if hour in by_hour else 0) for hour in range(24)]
    tried = day.paid + day.failed
    return visit.page(
        "dashboard.html",
        day=day,
        before=before,
        health=health,
        tried=tried,
        bars=bars(
            charged,
            title=visit.t("오늘 시간별 결제 금액", "Charged today, by hour"),
            now_at=now.astimezone(KST).hour,
        ),
        success=ring(day.paid, tried, title=visit.t("오늘 성공률", "Success today"), kind="good"),
        hooks=ring(
            health.delivered,
            health.delivered + health.due + health.parked,
            title=visit.t("오늘 웹훅 전송", "Webhooks today"),
            kind="back",
        ),
        most=max((one.count for one in day.declines), default=1),
        recent=recent.payments,
        tomorrow=await preview_day(
            engine, kst_day(now) + timedelta(days=1), merchant_code=visit.merchant.code
        ),
        late=await lateness(engine, since=now - timedelta(hours=24)),
        stats_day=kst_day(now),
    )

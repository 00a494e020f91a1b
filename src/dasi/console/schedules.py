"""Schedules: the days ahead, the list of one day, and what may be done with each."""

from datetime import date, datetime, time, timedelta

from starlette.responses import Response

from dasi.console.door import Visit
from dasi.foundation.clock import KST, kst_day
from dasi.foundation.errors import Invalid
from dasi.schedules import (
    ScheduleStatus,
    lateness,
    list_schedules,
    move,
    preview_day,
    resume_schedules,
    retry,
    revoke,
    stop_schedules,
    stops,
)

_DAYS_SHOWN = 28
_LIST_MAX = 200
_EVERY_MERCHANT = 0
"""How the room names a stop of all merchants."""


async def show_schedules(visit: Visit) -> Response:
    engine, now = visit.engine, visit.engine.clock.now()
    today = kst_day(now)
    day = _asked_day(visit, today)
    begins = datetime.combine(day, time.min, tzinfo=KST)
    page = await list_schedules(
        engine,
        visit.merchant_id,
        since=begins,
        until=begins + timedelta(days=1),
        statuses=frozenset(ScheduleStatus),
        customer_uid=None,
        oldest_first=True,
        limit=_LIST_MAX,
        offset=0,
    )
    stopped = await stops(engine)
    first = today - timedelta(days=today.weekday())
    days = [first + timedelta(days=ahead) for ahead in range(_DAYS_SHOWN)]
    totals = {
        one: await preview_day(engine, one, merchant_code=visit.merchant.code)
        for one in days
        if one >= today
    }
    return visit.page(
        "schedules.html",
        day=day,
        today=today,
        days=days,
        totals=totals,
        page=page,
        stop=stopped.get(visit.merchant_id) or stopped.get(_EVERY_MERCHANT),
        late=await lateness(engine, since=now - timedelta(hours=24)),
        may_act=visit.person.may("act", visit.merchant_id),
    )


async def post_move(visit: Visit) -> Response:
    merchant_uid = visit.field("merchant_uid")
    at = _moment(visit, "schedule_at")
    await move(visit.engine, visit.merchant_id, merchant_uid, schedule_at=at)
    await visit.note("schedule_moved", about=merchant_uid, detail=at.isoformat())
    return _back(visit, "moved")


async def post_revoke(visit: Visit) -> Response:
    merchant_uid = visit.field("merchant_uid")
    await revoke(visit.engine, visit.merchant_id, customer_uid=None, merchant_uids=[merchant_uid])
    await visit.note("schedule_revoked", about=merchant_uid)
    return _back(visit, "revoked")


async def post_retry(visit: Visit) -> Response:
    """Charges now, so it is written down before it is asked for."""
    merchant_uid = visit.field("merchant_uid")
    await visit.note("schedule_retried", about=merchant_uid)
    payment = await retry(visit.engine, visit.merchant_id, merchant_uid)
    return visit.go(visit.address(f"/payments/{payment.imp_uid}"))


async def post_stop(visit: Visit) -> Response:
    why = visit.field("why") or visit.person.email
    await stop_schedules(visit.engine, visit.merchant_id, why=why)
    await visit.note("schedules_stopped", detail=why)
    return _back(visit, "stopped")


async def post_resume(visit: Visit) -> Response:
    await resume_schedules(visit.engine, visit.merchant_id)
    await visit.note("schedules_resumed")
    return _back(visit, "started")


def _back(visit: Visit, done: str) -> Response:
    day = _asked_date(visit.field("day"))
    where = f"day={day}&" if day else ""
    return visit.go(f"{visit.address('/schedules')}?{where}done={done}")


def _asked_day(visit: Visit, today: date) -> date:
    return _asked_date(visit.query("day")) or today


def _asked_date(told: str) -> date | None:
    try:
        return date.fromisoformat(told)
    except ValueError:
        return None


def _moment(visit: Visit, name: str) -> datetime:
    """What a date-and-time field of a browser sends, in Korean time."""
    try:
        return datetime.fromisoformat(visit.field(name)).replace(tzinfo=KST)
    except ValueError as wrong:
        raise Invalid(name, "a moment such as 2026-09-03T10:00") from wrong

"""Pages of scheduled payments: a month's calendar, the list of one day, changes."""

from datetime import date, datetime, timedelta

from starlette.responses import Response

from dasi.console.request import ConsoleRequest, next_url
from dasi.foundation.clock import kst_day, kst_range, parse_day, parse_moment
from dasi.foundation.errors import Invalid
from dasi.schedules import (
    browse_schedules,
    pauses,
    reschedule,
    stats,
)

PAGE = 50
_WEEK = 7
_EVERY_MERCHANT = 0
"""The key of a pause of all merchants in the result of `pauses`."""


async def show_schedules(request: ConsoleRequest) -> Response:
    engine, now = request.engine, request.engine.clock.now()
    today = kst_day(now)
    day = _date(request.query("day") or request.field("day")) or today
    since, until = kst_range(day, day)
    page = await browse_schedules(
        engine,
        request.merchant_id,
        since=since,
        until=until,
        after=request.cursor(),
        limit=PAGE,
    )
    days = _month_of(day)
    paused = await pauses(engine)
    return request.page(
        "schedules.html",
        day=day,
        today=today,
        tomorrow=today + timedelta(days=1),
        days=days,
        before=days[0] if days[0].month != day.month else days[0] - timedelta(days=1),
        after=days[-1] if days[-1].month != day.month else days[-1] + timedelta(days=1),
        totals=await stats.calendar(
            engine,
            request.merchant_id,
            first=days[0],
            last=days[-1],
            include_sandbox=not request.merchant.is_live,
        ),
        page=page.rows,
        next_url=next_url(page, day=day.isoformat()),
        pause=paused.get(request.merchant_id) or paused.get(_EVERY_MERCHANT),
        is_paused_for_all=_EVERY_MERCHANT in paused and request.merchant_id not in paused,
        late=await stats.start_delay(engine, since=now - timedelta(hours=24)),
        may_operate=request.user.may("operate", request.merchant_id),
    )


def _month_of(day: date) -> list[date]:
    """Return the days of the whole weeks around a month, Sunday first as in Korean calendars."""
    first = day.replace(day=1)
    first -= timedelta(days=(first.weekday() + 1) % _WEEK)
    last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    weeks = ((last - first).days + _WEEK) // _WEEK
    return [first + timedelta(days=number) for number in range(weeks * _WEEK)]


async def post_reschedule(request: ConsoleRequest) -> Response:
    merchant_uid = request.order_name()
    schedule_at = _moment(request, "schedule_at")
    await reschedule(request.engine, request.merchant_id, merchant_uid, schedule_at=schedule_at)
    await request.audit("schedule_rescheduled", target=merchant_uid, detail=schedule_at.isoformat())
    return redirect_to_day(request, "rescheduled")


def redirect_to_day(request: ConsoleRequest, done: str) -> Response:
    """Lead back to the list of the day that the form or the address names."""
    day = _date(request.query("day") or request.field("day"))
    day_param = f"day={day}&" if day else ""
    return request.redirect(f"{request.url('/schedules')}?{day_param}done={done}")


def _date(text: str) -> date | None:
    try:
        return parse_day(text)
    except ValueError:
        return None


def _moment(request: ConsoleRequest, name: str) -> datetime:
    """Return a date-and-time field of a browser as Korean time. Raise `Invalid`."""
    try:
        return parse_moment(request.field(name))
    except ValueError as error:
        raise Invalid(name, "date_time") from error

"""Look through schedules: a day's list, page by page by key, and what a calendar holds."""

from datetime import date, datetime, time, timedelta

from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.schedules import calendar_store
from dasi.schedules.calendar_store import CalendarDay, Cursor
from dasi.schedules.schedule import Schedule

_LIMIT_MAX, _DAYS_MAX = 200, 62


async def browse_schedules(
    engine: Engine,
    merchant_id: int,
    *,
    since: datetime,
    until: datetime,
    after: Cursor | None,
    limit: int,
) -> tuple[list[Schedule], Cursor | None]:
    """Schedules with `since <= schedule_at < until`, earliest first, and where the next page begins
    (None: this is the last one)."""
    assert 1 <= limit <= _LIMIT_MAX, "checked by whoever asks"
    rows = await calendar_store.page(
        engine.database, merchant_id, since=since, until=until, after=after, limit=limit + 1
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], (last.schedule_at, last.schedule_id) if last else None


async def calendar(
    engine: Engine, merchant_id: int, *, first: date, last: date
) -> dict[date, CalendarDay]:
    """What the Korean days from `first` to `last` hold; days without schedules are left out."""
    assert 0 <= (last - first).days < _DAYS_MAX, "checked by whoever asks"
    found = await calendar_store.days(
        engine.database,
        merchant_id,
        since=datetime.combine(first, time(), KST),
        until=datetime.combine(last + timedelta(days=1), time(), KST),
    )
    return {one.day: one for one in found}

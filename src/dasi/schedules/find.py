"""Find and list schedules of one merchant, by order and by time."""

from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.foundation.pages import Cursor, Page, make_page
from dasi.schedules import calendar_store, schedule_store
from dasi.schedules.schedule import Schedule, ScheduleStatus

_LIMIT_MAX = 200


@dataclass(frozen=True, slots=True)
class SchedulePage:
    schedules: list[Schedule]
    total: int


async def find_schedule(
    engine: Engine, merchant_id: int, merchant_uid: str, *, include_sandbox: bool = True
) -> Schedule:
    """Find the newest schedule of an order; `NotFound("unknown_schedule")` if it has none."""
    schedule = await schedule_store.newest_of_order(
        engine.database, merchant_id, merchant_uid, include_sandbox=include_sandbox
    )
    if schedule is None:
        raise NotFound("unknown_schedule", merchant_uid=merchant_uid[:40])
    return schedule


async def list_schedules(
    engine: Engine,
    merchant_id: int,
    *,
    since: datetime,
    until: datetime,
    statuses: frozenset[ScheduleStatus],
    customer_uid: str | None,
    oldest_first: bool,
    limit: int,
    offset: int,
    include_sandbox: bool = True,
) -> SchedulePage:
    """List schedules with `since <= schedule_at < until`, of one key if `customer_uid` is set."""
    schedules, total = await schedule_store.between(
        engine.database,
        merchant_id,
        since=since,
        until=until,
        statuses=statuses,
        customer_uid=customer_uid,
        include_sandbox=include_sandbox,
        oldest_first=oldest_first,
        limit=limit,
        offset=offset,
    )
    return SchedulePage(schedules, total)


async def browse_schedules(
    engine: Engine,
    merchant_id: int,
    *,
    since: datetime,
    until: datetime,
    after: Cursor | None,
    limit: int,
) -> Page[Schedule]:
    """Return a page of schedules with `since <= schedule_at < until`, earliest first."""
    assert 1 <= limit <= _LIMIT_MAX, "checked by the caller"
    schedules = await calendar_store.page(
        engine.database, merchant_id, since=since, until=until, after=after, limit=limit + 1
    )
    return make_page(
        schedules,
        limit=limit,
        cursor=lambda schedule: Cursor(schedule.schedule_at, schedule.schedule_id),
    )

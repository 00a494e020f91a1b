"""Read schedules. Every search is one merchant's."""

from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.schedules import schedule_store
from dasi.schedules.schedule import Schedule, ScheduleStatus


@dataclass(frozen=True, slots=True)
class SchedulePage:
    schedules: list[Schedule]
    total: int


async def find_schedule(engine: Engine, merchant_id: int, merchant_uid: str) -> Schedule:
    """The newest schedule of an order. `NotFound("unknown_schedule")`."""
    schedule = await schedule_store.newest_of_order(engine.database, merchant_id, merchant_uid)
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
) -> SchedulePage:
    """Schedules with `since <= schedule_at < until`, of one key if given."""
    schedules, total = await schedule_store.between(
        engine.database,
        merchant_id,
        since=since,
        until=until,
        statuses=statuses,
        customer_uid=customer_uid,
        oldest_first=oldest_first,
        limit=limit,
        offset=offset,
    )
    return SchedulePage(schedules, total)

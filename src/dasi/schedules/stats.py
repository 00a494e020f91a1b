"""Totals of scheduled charges by day, and how punctually charges start."""

from datetime import date, datetime, timedelta
from typing import Final

from prometheus_client import Gauge

from dasi.engine import Engine
from dasi.foundation.clock import kst_range
from dasi.schedules import calendar_store, stats_store
from dasi.schedules.calendar_store import CalendarDay
from dasi.schedules.stats_store import DayTotal, StartDelay, TestWork, Waiting

__all__ = [
    "DayTotal",
    "StartDelay",
    "TestWork",
    "Waiting",
    "calendar",
    "count_test_work",
    "preview_day",
    "publish_start_delay",
    "start_delay",
    "waiting",
]

_WINDOW, _DAYS_MAX = timedelta(hours=1), 62
# Each process reads them from the database on a scrape, so the newest value is right.
_MODE: Final = "mostrecent"
_START_DELAY = Gauge(
    "dasi_schedule_start_delay_seconds",
    "How long after their time the charges of the last hour started",
    ["quantile"],
    multiprocess_mode=_MODE,
)
_STARTED = Gauge(
    "dasi_schedules_started_last_hour",
    "Scheduled payments that started in an hour",
    multiprocess_mode=_MODE,
)
_DUE = Gauge(
    "dasi_schedules_due",
    "Scheduled payments whose time has come and that wait",
    multiprocess_mode=_MODE,
)
_OLDEST = Gauge(
    "dasi_schedules_due_oldest_seconds",
    "How long the first of those waits",
    multiprocess_mode=_MODE,
)


async def preview_day(engine: Engine, day: date, *, merchant_code: str | None) -> list[DayTotal]:
    """Return the charges that a Korean day still holds, by merchant."""
    since, until = kst_range(day, day)
    return await stats_store.totals_between_any_merchant(
        engine.database,
        since=since,
        until=until,
        merchant_code=merchant_code,
    )


async def calendar(
    engine: Engine, merchant_id: int, *, first: date, last: date, include_sandbox: bool
) -> dict[date, CalendarDay]:
    """Return counts of the Korean days from `first` to `last`, without days that have none."""
    assert 0 <= (last - first).days < _DAYS_MAX, "checked by the caller"
    since, until = kst_range(first, last)
    days = await calendar_store.days(
        engine.database,
        merchant_id,
        since=since,
        until=until,
        include_sandbox=include_sandbox,
    )
    return {day.day: day for day in days}


async def count_test_work(engine: Engine, merchant_id: int) -> TestWork:
    """Count what a merchant that goes live leaves behind: test keys and their schedules."""
    return await stats_store.test_work(engine.database, merchant_id)


async def waiting(
    engine: Engine, merchant_id: int | None, *, customer_uid: str | None = None
) -> Waiting:
    """Count what a pause stops, or what is cancelled with a customer's billing key.

    None stands for all merchants.
    """
    return await stats_store.waiting_any_merchant(
        engine.database,
        merchant_id=merchant_id,
        customer_uid=customer_uid,
        now=engine.clock.now(),
    )


async def start_delay(engine: Engine, *, since: datetime) -> StartDelay:
    """Return the start delays of the charges that any worker started since then (S2)."""
    return await stats_store.start_delay_any_merchant(engine.database, since=since)


async def publish_start_delay(engine: Engine) -> None:
    """Set the metrics from the database: each gateway shows the charges of all workers."""
    now = engine.clock.now()
    delay = await start_delay(engine, since=now - _WINDOW)
    for quantile, value in (("0.5", delay.p50_s), ("0.99", delay.p99_s), ("1", delay.max_s)):
        _START_DELAY.labels(quantile).set(value)
    _STARTED.set(delay.count)
    count, oldest_s = await stats_store.due_now_any_merchant(engine.database, now=now)
    _DUE.set(count)
    _OLDEST.set(oldest_s)

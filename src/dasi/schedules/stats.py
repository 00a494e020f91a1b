"""What is to be charged on a day, and how punctual the charges are."""

from datetime import date, datetime, time, timedelta
from typing import Final

from prometheus_client import Gauge

from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.schedules import settings_store
from dasi.schedules.settings_store import DayTotal, StartDelay

_WINDOW = timedelta(hours=1)
# Read from the database when they are asked for: of several processes the last one asked is right.
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
    """Charges still to be made on a Korean day, by merchant."""
    begins = datetime.combine(day, time(), KST)
    return await settings_store.totals_between_any_merchant(
        engine.database,
        since=begins,
        until=begins + timedelta(days=1),
        merchant_code=merchant_code,
    )


async def start_delay(engine: Engine, *, since: datetime) -> StartDelay:
    """Of the charges that started since then, by any worker (S2)."""
    return await settings_store.start_delay_any_merchant(engine.database, since=since)


async def publish_start_delay(engine: Engine) -> None:
    """Sets the metrics from the database, so that every gateway tells what all workers did."""
    now = engine.clock.now()
    late = await start_delay(engine, since=now - _WINDOW)
    for quantile, value in (("0.5", late.p50_s), ("0.99", late.p99_s), ("1", late.max_s)):
        _START_DELAY.labels(quantile).set(value)
    _STARTED.set(late.count)
    count, oldest_s = await settings_store.due_now_any_merchant(engine.database, now=now)
    _DUE.set(count)
    _OLDEST.set(oldest_s)

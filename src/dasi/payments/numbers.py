"""What a day looks like in numbers: for the dashboard."""

from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.payments import numbers_store


@dataclass(frozen=True, slots=True, kw_only=True)
class HourNumbers:
    hour: int
    """Of the Korean day."""
    paid: int
    failed: int
    paid_krw: int
    cancelled_krw: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineCount:
    code: str
    text: str | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayNumbers:
    hours: tuple[HourNumbers, ...]
    """Those in which something happened, in order."""
    declines: tuple[DeclineCount, ...]
    """Most frequent first."""
    doubts: int
    doubts_with_person: int

    @property
    def paid(self) -> int:
        return sum(hour.paid for hour in self.hours)

    @property
    def failed(self) -> int:
        return sum(hour.failed for hour in self.hours)

    @property
    def paid_krw(self) -> int:
        return sum(hour.paid_krw for hour in self.hours)

    @property
    def cancelled_krw(self) -> int:
        return sum(hour.cancelled_krw for hour in self.hours)


async def day_numbers(
    engine: Engine, merchant_id: int, *, since: datetime, until: datetime
) -> DayNumbers:
    """Of the payments that began in [since, until). Abandoned windows count as nothing."""
    rows = await numbers_store.hours(engine.database, merchant_id, since=since, until=until)
    declines = await numbers_store.declines(engine.database, merchant_id, since=since, until=until)
    machine, person = await numbers_store.doubts(engine.database, merchant_id)
    return DayNumbers(
        hours=tuple(HourNumbers(**row) for row in rows),
        declines=tuple(DeclineCount(**row) for row in declines),
        doubts=machine + person,
        doubts_with_person=person,
    )

"""What a day looks like in numbers: for the dashboard."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from dasi.engine import Engine
from dasi.reporting import daily_stats_store

_ABANDONED_CODES = ("PAYER_CLOSED", "WINDOW_EXPIRED")
"""A payer who left decided nothing about a card."""
_UNREACHABLE_CODE = "PG_UNREACHABLE"
"""Told among the reasons; no payer was there to succeed."""
_DECLINES_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyStats:
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
class DailyStats:
    hours: tuple[HourlyStats, ...]
    """Those in which something happened, in order."""
    declines: tuple[DeclineCount, ...]
    """Most frequent first."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedCounts:
    automatic: int
    manual: int

    @property
    def all(self) -> int:
        return self.automatic + self.manual


async def daily_stats(engine: Engine, merchant_id: int, *, since: datetime) -> DailyStats:
    """Of the payments that began in the 24 hours from `since`. Windows left count as nothing."""
    begins = [since + timedelta(hours=hour) for hour in range(24)]
    rows = await daily_stats_store.hours(
        engine.database, merchant_id, begins=begins, until=since + timedelta(hours=24)
    )
    outcomes = [_Outcome(**row) for row in rows if row["code"] not in _ABANDONED_CODES]
    hours = [
        _hour(hour, list(group)) for hour, group in groupby(outcomes, key=lambda one: one.hour)
    ]
    declines: dict[str, DeclineCount] = {}
    for one in outcomes:
        if one.code is not None:
            so_far = declines[one.code].count if one.code in declines else 0
            declines[one.code] = DeclineCount(
                code=one.code, text=one.text, count=so_far + one.payments
            )
    most = sorted(declines.values(), key=lambda one: (-one.count, one.code))
    return DailyStats(hours=tuple(hours), declines=tuple(most[:_DECLINES_MAX]))


async def count_unresolved(engine: Engine, merchant_id: int) -> UnresolvedCounts:
    """Those the machine asks about, and those with a person."""
    automatic, manual = await daily_stats_store.count_unresolved(engine.database, merchant_id)
    return UnresolvedCounts(automatic=automatic, manual=manual)


def _hour(hour: int, outcomes: list["_Outcome"]) -> HourlyStats:
    paid = [one for one in outcomes if one.code is None]
    return HourlyStats(
        hour=hour,
        paid=sum(one.payments for one in paid),
        failed=sum(one.payments for one in outcomes if one.code not in (None, _UNREACHABLE_CODE)),
        paid_krw=sum(one.amount_krw for one in paid),
        cancelled_krw=sum(one.cancelled_krw for one in outcomes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """How payments of one hour ended. `code`: why they failed."""

    hour: int
    code: str | None
    text: str | None
    payments: int
    amount_krw: int
    cancelled_krw: int

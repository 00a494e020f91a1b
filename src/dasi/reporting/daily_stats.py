"""A merchant's payments of one day as counts and sums, for the dashboard."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from dasi.engine import Engine

_ABANDONED_CODES = ("PAYER_CLOSED", "WINDOW_EXPIRED")
"""A payer who left decided nothing about a card, so these payments do not count at all."""
_UNREACHABLE_CODE = "PG_UNREACHABLE"
"""Listed among the declines but not counted as failed: no payer was there to succeed."""
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
    """The hours that have payments, in order."""
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

    @property
    def paid_krw_by_hour(self) -> dict[int, int]:
        return {hour.hour: hour.paid_krw for hour in self.hours}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """The payments of one hour that ended in the same way."""

    hour: int
    code: str | None
    """The failure code; None: paid, cancelled later or not."""
    text: str | None
    payments: int
    amount_krw: int
    cancelled_krw: int


async def daily_stats(
    engine: Engine, merchant_id: int, *, since: datetime, include_sandbox: bool
) -> DailyStats:
    """Return the statistics of the payments that began in the 24 hours from `since`."""
    outcomes = [
        outcome
        for outcome in await _outcomes(
            engine, merchant_id, since=since, include_sandbox=include_sandbox
        )
        if outcome.code not in _ABANDONED_CODES
    ]
    hours = [
        _hour(hour, list(group))
        for hour, group in groupby(outcomes, key=lambda outcome: outcome.hour)
    ]
    counts: Counter[str] = Counter()
    texts: dict[str, str | None] = {}
    for outcome in outcomes:
        if outcome.code is not None:
            counts[outcome.code] += outcome.payments
            texts[outcome.code] = outcome.text
    declines = [
        DeclineCount(code=code, text=texts[code], count=count)
        for code, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    ]
    return DailyStats(hours=tuple(hours), declines=tuple(declines[:_DECLINES_MAX]))


def _hour(hour: int, outcomes: list[_Outcome]) -> HourlyStats:
    paid = [outcome for outcome in outcomes if outcome.code is None]
    failed = [outcome for outcome in outcomes if outcome.code not in (None, _UNREACHABLE_CODE)]
    return HourlyStats(
        hour=hour,
        paid=sum(outcome.payments for outcome in paid),
        failed=sum(outcome.payments for outcome in failed),
        paid_krw=sum(outcome.amount_krw for outcome in paid),
        cancelled_krw=sum(outcome.cancelled_krw for outcome in outcomes),
    )


async def _outcomes(
    engine: Engine, merchant_id: int, *, since: datetime, include_sandbox: bool
) -> list[_Outcome]:
    """The outcomes of each hour, in order. One statement reads the day once."""
    rows = await engine.database.fetch(
        """SELECT width_bucket(started_at, $2::timestamptz[]) - 1 AS hour,
                  CASE WHEN status = 'failed' THEN fail_code END AS code,
                  min(fail_reason) AS text, count(*)::int AS payments,
                  sum(amount_krw)::bigint AS amount_krw, sum(cancelled_krw)::bigint AS cancelled_krw
           FROM payments
           WHERE merchant_id = $1 AND started_at >= $3 AND started_at < $4
             AND purpose = 'payment'
             AND ($5 OR channel_id IN (SELECT channel_id FROM channels
                                       WHERE merchant_id = $1 AND NOT is_sandbox))
             AND status IN ('paid', 'partly_cancelled', 'cancelled', 'failed')
           GROUP BY 1, 2 ORDER BY 1, 2""",
        merchant_id,
        [since + timedelta(hours=hour) for hour in range(24)],
        since,
        since + timedelta(hours=24),
        include_sandbox,
    )
    return [_Outcome(**row) for row in rows]

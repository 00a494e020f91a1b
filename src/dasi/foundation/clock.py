"""Time, read once an operation and passed down.

Inside, every moment is an aware UTC `datetime`. The PG's days are Korean days, and only this module
makes them. Korea has had no daylight saving since 1988, so a fixed offset is exact.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Protocol

KST = timezone(timedelta(hours=9), "KST")
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)
"""Every day that is read lies within. `datetime` ends at the years 1 and 9999, where adding a day
or changing the zone raises `OverflowError`."""
_KST_DIGITS = len("yyyyMMddHHmmss")
DURATIONS_MAX = 100
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Clock(Protocol):
    """The source of the time: the machine's clock, or a test's."""

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only by `advance`. For tests and for merchants in test mode."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        return self._moment

    def advance(self, by: timedelta) -> None:
        self._moment += by


def kst_day(moment: datetime) -> date:
    """The Korean calendar day of a moment: the day under which a PG files a request."""
    return moment.astimezone(KST).date()


def from_kst_digits(digits: str) -> datetime:
    """`yyyyMMddHHmmss` in Korean time to an aware UTC moment. `ValueError` if it is not that."""
    # `strptime` reads the same and costs ten times as much; an approval holds such a moment.
    if len(digits) != _KST_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{_KST_DIGITS} digits are a moment")
    return parse_moment(f"{digits[:8]}T{digits[8:]}").astimezone(UTC)


def parse_day(text: str) -> date:
    """Parse a day such as `2026-12-01`. Raises `ValueError`, also for one that is out of bounds."""
    return _bounded(date.fromisoformat(text))


def parse_moment(text: str) -> datetime:
    """Parse an ISO moment, of Korean time without a zone. Raises `ValueError` as `parse_day`."""
    moment = parse_bounded(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=KST)


def parse_bounded(text: str) -> datetime:
    """Parse an ISO moment as it is, with a zone or without. Raises `ValueError` as `parse_day`."""
    moment = datetime.fromisoformat(text)
    _bounded(moment.date())
    return moment


def kst_range(first: date, last: date) -> tuple[datetime, datetime]:
    """The moments of the Korean days from `first` to `last`: the first one, and the end."""
    begins = datetime.combine(first, time.min, tzinfo=KST)
    return begins, datetime.combine(last + timedelta(days=1), time.min, tzinfo=KST)


def _bounded(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"a day from {FIRST_DAY} to {LAST_DAY}")
    return day


def epoch_s(moment: datetime | None) -> int:
    """Whole epoch seconds; 0 for None."""
    return 0 if moment is None else int(moment.timestamp())


def parse_duration(text: str) -> timedelta:
    """Parse one duration, such as `90s` or `7d`. Raises `ValueError` with the rule."""
    match = re.fullmatch(r"\s*([0-9]{1,6})([smhd])\s*", text)
    if match is None:
        raise ValueError("a number and s, m, h or d, such as 24h")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def parse_durations(text: str, *, least: timedelta) -> tuple[timedelta, ...]:
    """Parse durations separated by commas, such as `5s,30s,2m`, which sum up to at least `least`.

    Raises `ValueError` with the rule.
    """
    try:
        durations = tuple(parse_duration(part) for part in text.split(","))
    except ValueError as wrong:
        raise ValueError("durations such as 5s,30s,2m,1h, separated by commas") from wrong
    if len(durations) > DURATIONS_MAX or sum(durations, timedelta()) < least:
        hours = least // timedelta(hours=1)
        raise ValueError(
            f"at most {DURATIONS_MAX} durations that make up at least {hours} hours together"
        )
    return durations

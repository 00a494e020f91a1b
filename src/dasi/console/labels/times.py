"""Times and durations as texts in Korean and English."""

from datetime import datetime

from dasi.foundation.clock import KST

_TIME_UNITS: tuple[tuple[int, str, str], ...] = (
    (86_400, "일", "day"),
    (3_600, "시간", "hour"),
    (60, "분", "minute"),
    (1, "초", "second"),
)
_MINUTE, _TENTHS_BELOW = 60, 10


def local_moment(at: datetime) -> str:
    """Return the value of a browser's date-and-time field: Korean time without a zone."""
    return at.astimezone(KST).strftime("%Y-%m-%dT%H:%M")


def relative_time(at: datetime, now: datetime, *, language: str) -> str:
    """Return `3분 전` or `in 2 hours`. The page shows the exact time beside it."""
    seconds = round((at - now).total_seconds())
    length = _whole_units(abs(seconds), language=language)
    if not length:
        return "지금" if language == "ko" else "now"
    if language == "ko":
        return f"{length} {'뒤' if seconds > 0 else '전'}"
    return f"in {length}" if seconds > 0 else f"{length} ago"


def format_duration(seconds: float, *, language: str) -> str:
    """Return a duration in its largest unit: `0.4초`, `12초`, `3분`, `2 days`."""
    if seconds < _MINUTE:
        number = f"{seconds:.1f}" if seconds < _TENTHS_BELOW else f"{seconds:.0f}"
        return f"{number}초" if language == "ko" else f"{number} s"
    return _whole_units(round(seconds), language=language)


def _whole_units(seconds: int, *, language: str) -> str:
    for size, korean, english in _TIME_UNITS:
        if seconds >= size:
            count = seconds // size
            plural = "" if count == 1 else "s"
            return f"{count}{korean}" if language == "ko" else f"{count} {english}{plural}"
    return ""

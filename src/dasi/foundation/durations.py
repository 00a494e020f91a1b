"""Durations as an operator writes them: `5s,30s,2m,1h,2d`."""

import re
from datetime import timedelta

DURATIONS_MAX = 100
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parse_duration(text: str) -> timedelta:
    """One duration, such as `90s` or `7d`. `ValueError` says the rule."""
    match = re.fullmatch(r"\s*([0-9]{1,6})([smhd])\s*", text)
    if match is None:
        raise ValueError("a number and s, m, h or d, such as 24h")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def parse_durations(text: str, *, least: timedelta) -> tuple[timedelta, ...]:
    """Several, separated by commas, that make up at least `least`. `ValueError` says the rule."""
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

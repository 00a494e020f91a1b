"""Holds scheduled work back while KICC is down.

It opens after several outages in a row (no connection, no answer, a 5xx) and then lets one ask pass
every `pause`; the first answer of any kind closes it. It never stops a payer: whoever waits at a
window may try. It only tells the scheduler to leave charges due rather than spend them (§12.3, 16).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dasi.foundation.clock import Clock


@dataclass
class _Line:
    outages_in_a_row: int = 0
    closed_until: datetime | None = None


class Breaker:
    """One line per host: a sandbox that is down says nothing about the live one."""

    def __init__(self, clock: Clock, *, outages_max: int, pause: timedelta) -> None:
        self._clock = clock
        self._outages_max = outages_max
        self._pause = pause
        self._lines: dict[str, _Line] = {}

    def is_available(self, host: str) -> bool:
        """Whether scheduled work may ask. While down: True for one asker every `pause`."""
        line = self._lines.get(host)
        if line is None or line.closed_until is None:
            return True
        now = self._clock.now()
        if now < line.closed_until:
            return False
        line.closed_until = now + self._pause
        return True

    def record(self, host: str, *, is_outage: bool) -> None:
        """What the last ask of this host came to, whoever asked."""
        line = self._lines.setdefault(host, _Line())
        if not is_outage:
            line.outages_in_a_row, line.closed_until = 0, None
            return
        line.outages_in_a_row += 1
        if line.outages_in_a_row >= self._outages_max and line.closed_until is None:
            line.closed_until = self._clock.now() + self._pause

"""Hold scheduled work back while KICC is down.

The circuit opens after several outages in a row (no connection, no answer, a 5xx). It then lets one
request pass every `pause`; the first answer of any kind closes it. It never stops a payer at a
window. It only makes the scheduler leave charges due instead of spending them (§12.3, 16).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dasi.foundation.clock import Clock


@dataclass
class _Circuit:
    outages_in_a_row: int = 0
    open_until: datetime | None = None


class CircuitBreaker:
    """One circuit per host: a sandbox that is down says nothing about the live one."""

    def __init__(self, clock: Clock, *, outages_max: int, pause: timedelta) -> None:
        self._clock = clock
        self._outages_max = outages_max
        self._pause = pause
        self._circuits: dict[str, _Circuit] = {}

    def is_available(self, host: str) -> bool:
        """Whether scheduled work may be sent. While KICC is down, True once every `pause`."""
        circuit = self._circuits.get(host)
        if circuit is None or circuit.open_until is None:
            return True
        now = self._clock.now()
        if now < circuit.open_until:
            return False
        circuit.open_until = now + self._pause
        return True

    def record(self, host: str, *, is_outage: bool) -> None:
        """Record the result of a request to this host, of scheduled work or of a payer."""
        circuit = self._circuits.setdefault(host, _Circuit())
        if not is_outage:
            circuit.outages_in_a_row, circuit.open_until = 0, None
            return
        circuit.outages_in_a_row += 1
        if circuit.outages_in_a_row >= self._outages_max and circuit.open_until is None:
            circuit.open_until = self._clock.now() + self._pause

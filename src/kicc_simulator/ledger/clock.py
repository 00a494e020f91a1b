"""KICC's clock: Korean time that runs like the real one and can be advanced or set back.

All of KICC's dates (transaction numbers, days, windows, retries of notices) come from it. It also
measures the waits that imitate KICC's slowness, so an advance of the clock ends them.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

KST = timezone(timedelta(hours=9), "KST")


class Clock:
    """The time in Korea plus an offset."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._advanced_s = 0.0
        self._changed = asyncio.Event()
        self._cached_second = -1
        self._cached_stamp = ""

    def now(self) -> datetime:
        """The moment in Korea, aware."""
        return datetime.fromtimestamp(time.time() + self._offset_s, UTC).astimezone(KST)

    def stamp(self) -> str:
        """The moment as KICC writes it: ``yyyyMMddHHmmss``."""
        second = int(time.time() + self._offset_s)
        if second != self._cached_second:
            moment = datetime.fromtimestamp(second, UTC).astimezone(KST)
            self._cached_stamp = moment.strftime("%Y%m%d%H%M%S")
            self._cached_second = second
        return self._cached_stamp

    def today(self) -> str:
        """The Korean day: ``yyyyMMdd``."""
        return self.stamp()[:8]

    def yesterday(self) -> str:
        """The Korean day before today: ``yyyyMMdd``."""
        return (self.now() - timedelta(days=1)).strftime("%Y%m%d")

    def elapsed_s(self) -> float:
        """Seconds on a scale that only grows: real time plus every advance."""
        return time.monotonic() + self._advanced_s

    def advance(self, seconds: float) -> None:
        """Advance the clock (a negative number sets it back) and wake all waiting tasks."""
        self._offset_s += seconds
        self._advanced_s += max(seconds, 0.0)
        self._wake()

    def set(self, moment: datetime) -> None:
        """Set the clock to an aware moment; a naive one counts as Korean time."""
        aware = moment if moment.tzinfo else moment.replace(tzinfo=KST)
        self.advance(aware.timestamp() - time.time() - self._offset_s)

    def to_midnight(self, *, before_s: float) -> None:
        """Advance to the next midnight in Korea, or to ``before_s`` seconds before it."""
        now = self.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        target = midnight - timedelta(seconds=before_s)
        if target <= now:
            target += timedelta(days=1)
        self.advance((target - now).total_seconds())

    def reset(self) -> None:
        """Back to real time."""
        self._offset_s = 0.0
        self._wake()

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` on this clock: an advance shortens the wait."""
        await self.sleep_until(self.elapsed_s() + seconds)

    async def sleep_until(self, due_s: float) -> None:
        """Wait until :meth:`elapsed_s` has reached ``due_s``."""
        while (left := due_s - self.elapsed_s()) > 0:
            changed = self._changed
            try:
                await asyncio.wait_for(changed.wait(), left)
            except TimeoutError:
                continue

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

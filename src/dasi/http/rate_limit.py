"""A token bucket: how many events a process admits in a second, with a burst."""

from time import monotonic


class RateLimit:
    """Admit `per_s` events a second on average, and `burst` at once after a pause."""

    def __init__(self, *, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = float(burst)
        self._updated_at = monotonic()

    def admits(self) -> bool:
        """Count one event and return whether it is within the limit."""
        now = monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._updated_at) * self._per_s)
        self._updated_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

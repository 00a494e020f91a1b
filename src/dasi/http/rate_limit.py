"""Token buckets: how many events a process admits in a second, with a burst."""

from collections import OrderedDict
from collections.abc import Hashable
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


class RateLimits:
    """A limit for each of many keys: `per_minute` events on average, and as many at once.

    It remembers the `KEYS_MAX` keys that came last. A forgotten key begins anew.
    """

    KEYS_MAX = 20_000

    def __init__(self, *, per_minute: int) -> None:
        self._per_minute = per_minute
        self._limits: OrderedDict[Hashable, RateLimit] = OrderedDict()

    def admits(self, key: Hashable) -> bool:
        """Count one event of `key` and return whether it is within the key's limit."""
        limit = self._limits.pop(key, None)
        if limit is None:
            limit = RateLimit(per_s=self._per_minute / 60, burst=self._per_minute)
        self._limits[key] = limit
        if len(self._limits) > self.KEYS_MAX:
            self._limits.popitem(last=False)
        return limit.admits()

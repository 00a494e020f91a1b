"""Slots of which no holder may take all: the dynamic threshold of Choudhury and Hahne (1998).

A holder may take a slot while it has fewer than `SHARE` times the free ones. So one alone may have
seven eighths of the slots, two may have seven fifteenths each, and some stay free for a third.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Hashable

SHARE = 7


def may_take(taken: int, *, free: int) -> bool:
    """Whether a holder of `taken` slots may take one of the `free` ones."""
    return free > 0 and taken < SHARE * free


class FairSlots:
    """`limit` slots. A holder waits while it has its share; the order of those who may is kept."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._taken: Counter[Hashable] = Counter()
        self._waiters: deque[tuple[Hashable, asyncio.Future[None]]] = deque()

    def is_full_for(self, holder: Hashable) -> bool:
        """Whether the holder would have to wait."""
        return not may_take(self._taken[holder], free=self._free)

    def try_take(self, holder: Hashable) -> bool:
        """Take a slot if the holder may, and return whether it did. Each needs a `release`."""
        if self.is_full_for(holder):
            return False
        self._take(holder)
        return True

    async def take_slot(self, holder: Hashable) -> None:
        """Take a slot, as soon as the holder may. Each needs a `release`."""
        if self.try_take(holder):
            return
        waiter = (holder, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await waiter[1]
        except asyncio.CancelledError:
            if waiter[1].cancelled():
                self._waiters.remove(waiter)
            else:  # it got the slot in the same moment
                self.release(holder)
            raise

    def release(self, holder: Hashable) -> None:
        """Give a slot back, and let those take it who may."""
        self._free += 1
        self._taken[holder] -= 1
        if not self._taken[holder]:
            del self._taken[holder]
        for waiter in tuple(self._waiters):
            if not self._free:
                return
            if not waiter[1].cancelled() and not self.is_full_for(waiter[0]):
                self._waiters.remove(waiter)
                self._take(waiter[0])
                waiter[1].set_result(None)

    def _take(self, holder: Hashable) -> None:
        self._free -= 1
        self._taken[holder] += 1

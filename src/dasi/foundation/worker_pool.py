"""Claim due items and process them concurrently, within a limit.

A subclass claims its items under a lease in the database and processes each in a task of its own.
`in_flight` counts the items by their group (a merchant, an endpoint), so that a subclass can leave
busy groups out of the next claim.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Group = TypeVar("Group", bound=Hashable)

_POLL_INTERVAL_S = 0.25


class WorkerPool(ABC, Generic[Item, Group]):
    """Tasks of one kind in one process, at most `max_concurrent` at once."""

    def __init__(self, *, max_concurrent: int) -> None:
        self._max_concurrent = max_concurrent
        self._tasks: set[asyncio.Task[None]] = set()
        self.in_flight: Counter[Group] = Counter()

    @abstractmethod
    async def claim_due(self, *, only_merchant_id: int | None) -> Sequence[Item]:
        """Claim due items, at most `free_slots`."""

    @abstractmethod
    async def process(self, item: Item) -> None:
        """Process one item and record its result. Raises nothing."""

    @abstractmethod
    def group_of(self, item: Item) -> Group:
        """Return the group that the item counts for."""

    async def may_start(self, item: Item) -> bool:  # noqa: ARG002  # for subclasses
        """Return whether to process a claimed item. A subclass releases an item that must wait."""
        return True

    @property
    def free_slots(self) -> int:
        return self._max_concurrent - len(self._tasks)

    async def poll(self) -> int:
        """Start due items and return their count, or 1 if a task ended meanwhile."""
        had_tasks = bool(self._tasks)
        started = await self._start(None)
        if started:
            return len(started)
        if not self._tasks:
            # A task that ended during the claim may have kept its group out of it: claim again.
            return int(had_tasks)
        ended, _ = await asyncio.wait(
            self._tasks, timeout=_POLL_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
        )
        return min(len(ended), 1)

    async def run_due(self, *, only_merchant_id: int | None = None) -> int:
        """Process one batch of due items to its end and return the count."""
        started = await self._start(only_merchant_id)
        await asyncio.gather(*started)
        return len(started)

    async def close(self) -> None:
        """Wait for the tasks in flight, so that each result is recorded."""
        await asyncio.gather(*self._tasks)

    async def _start(self, only_merchant_id: int | None) -> list[asyncio.Task[None]]:
        items = await self.claim_due(only_merchant_id=only_merchant_id)
        return [self._begin(item) for item in items if await self.may_start(item)]

    def _begin(self, item: Item) -> asyncio.Task[None]:
        group = self.group_of(item)
        self.in_flight[group] += 1
        task = asyncio.create_task(self.process(item))

        def end(_task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self.in_flight[group] -= 1
            if self.in_flight[group] == 0:
                del self.in_flight[group]

        self._tasks.add(task)
        task.add_done_callback(end)
        return task

"""Group commit: run concurrent calls of one kind as one statement in one transaction.

A call that arrives while a batch runs waits for the next batch. There is no timer: a call that
finds no batch running is a batch of one and starts at once.

    imp_uid = await database.run_batched(store.reserve_charges, reservation)

A caller gets its result after the commit. An error of one caller's item reaches that caller only.
A call that has waited too long for its batch ends as `Unavailable`, and nothing of it was done.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Generic, TypeVar

import asyncpg

from dasi.foundation.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_MAX = 64
"""A batch holds its locks until its commit: what is in it must stay small."""

# The server refused the data: the whole batch was rolled back.
_ROLLED_BACK_ERRORS = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)


class Batcher(Generic[Item, Result]):
    """Batches the calls of one operation on one database."""

    def __init__(
        self,
        act: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        max_concurrent: int,
        waiting_max_s: float,
    ) -> None:
        self._act = act
        self._max_concurrent = max_concurrent
        self._waiting_max_s = waiting_max_s
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._latest_starts: deque[float] = deque()
        """When the call at the same place of `_waiting` has waited too long."""
        self._under_way = 0
        self._batches: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """Return the result for `item`. A cancelled caller's item may be processed."""
        if not self._waiting and self._under_way < self._max_concurrent:
            return await self._run_single(item)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        self._latest_starts.append(loop.time() + self._waiting_max_s)
        return await future

    async def close(self) -> None:
        """Wait for the running batches."""
        while self._batches:
            await asyncio.wait(self._batches)

    async def _run_single(self, item: Item) -> Result:
        """Process the item of a caller that is alone, and start the next batch."""
        self._under_way += 1
        try:
            (result,) = await self._act([item])
        finally:
            self._under_way -= 1
            self._start()
        return result

    def _start(self) -> None:
        self._refuse_late()
        while self._waiting and self._under_way < self._max_concurrent:
            count = min(len(self._waiting), BATCH_MAX)
            batch = [self._waiting.popleft() for _ in range(count)]
            for _ in range(count):
                self._latest_starts.popleft()
            # An empty context: a batch belongs to no caller's transaction or log lines.
            task = asyncio.get_running_loop().create_task(self._run(batch), context=Context())
            self._under_way += 1
            self._batches.add(task)
            task.add_done_callback(self._ended)

    def _refuse_late(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._latest_starts and self._latest_starts[0] < now:
            self._latest_starts.popleft()
            _item, future = self._waiting.popleft()
            _fail_all([(_item, future)], Unavailable("the database", retry_after_s=2))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._under_way -= 1
        self._start()

    async def _run(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        pending = [(item, future) for item, future in batch if not future.done()]
        try:
            results = await self._act([item for item, _ in pending]) if pending else ()
        except _ROLLED_BACK_ERRORS as refused:
            # One item caused it, so each item runs alone and its caller gets its own error.
            if len(pending) > 1:
                for call in pending:
                    await self._run([call])
            else:
                _fail_all(pending, refused)
        except Exception as failed:  # noqa: BLE001  # the waiting callers get it and decide
            _fail_all(pending, failed)
        except BaseException:
            for _, future in pending:
                future.cancel()
            raise
        else:
            assert len(results) == len(pending), "one result for each item, in their order"
            for (_, future), result in zip(pending, results, strict=True):
                if not future.done():
                    future.set_result(result)


def _fail_all(pending: list[tuple[Any, asyncio.Future[Any]]], failed: Exception) -> None:
    for _, future in pending:
        if not future.done():
            future.set_exception(failed)

"""Does at once what several ask for at the same time, so that they share a statement and a commit.

Whoever asks while a batch is under way waits for the next one. Nobody waits for a timer: alone, a
caller is a batch of one and goes at once.

    imp_uid = await database.run_batched(store.reserve_charges, reservation)

What a caller is answered was committed before; what one caller did wrong is told to that one alone.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Generic, TypeVar

import asyncpg

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_MAX = 64
"""A batch holds its locks until its commit: what is in it must stay small."""

# The server's own no to what it was given: the whole batch was rolled back.
_ROLLED_BACK_ERRORS = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)


class Batcher(Generic[Item, Result]):
    """One kind of act on one database."""

    def __init__(
        self, act: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, max_concurrent: int
    ) -> None:
        self._act = act
        self._max_concurrent = max_concurrent
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._under_way = 0
        self._batches: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """The result for `item`. A caller that is cancelled may or may not have had its way."""
        if not self._waiting and self._under_way < self._max_concurrent:
            return await self._run_single(item)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        return await future

    async def close(self) -> None:
        """Waits for the batches under way."""
        while self._batches:
            await asyncio.wait(self._batches)

    async def _run_single(self, item: Item) -> Result:
        """Nobody else asks: the caller does it by itself, and starts the next batch."""
        self._under_way += 1
        try:
            (result,) = await self._act([item])
        finally:
            self._under_way -= 1
            self._start()
        return result

    def _start(self) -> None:
        while self._waiting and self._under_way < self._max_concurrent:
            count = min(len(self._waiting), BATCH_MAX)
            batch = [self._waiting.popleft() for _ in range(count)]
            # An empty context: a batch belongs to no caller's transaction or log lines.
            task = asyncio.get_running_loop().create_task(self._run(batch), context=Context())
            self._under_way += 1
            self._batches.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._under_way -= 1
        self._start()

    async def _run(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        pending = [(item, future) for item, future in batch if not future.done()]
        try:
            results = await self._act([item for item, _ in pending]) if pending else ()
        except _ROLLED_BACK_ERRORS as refused:
            # One of the batch is to blame, so each goes alone and hears about itself.
            if len(pending) > 1:
                for one in pending:
                    await self._run([one])
            else:
                _fail_all(pending, refused)
        except Exception as failed:  # noqa: BLE001  # told to those who wait, who decide
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

"""Batches: concurrent calls share a statement, and each caller gets its own error."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from dasi.foundation.batching import BATCH_MAX, Batcher
from dasi.foundation.db import Database
from dasi.foundation.errors import Unavailable


class Gate:
    """An operation that waits until it is opened, and records its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.opened = asyncio.Event()

    async def double(self, items: Sequence[int]) -> list[int]:
        self.batches.append([*items])
        await self.opened.wait()
        return [item * 2 for item in items]


async def test_whoever_comes_while_a_batch_is_under_way_goes_in_the_next() -> None:
    gate = Gate()
    batcher = Batcher(gate.double, max_concurrent=1, waiting_max_s=60)
    pending = [asyncio.create_task(batcher.submit(number)) for number in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert gate.batches == [[0]]

    gate.opened.set()

    assert await asyncio.gather(*pending) == [0, 2, 4, 6]
    assert gate.batches == [[0], [1, 2, 3]]


async def test_a_batch_has_a_limit() -> None:
    gate = Gate()
    batcher = Batcher(gate.double, max_concurrent=1, waiting_max_s=60)
    pending = [asyncio.create_task(batcher.submit(number)) for number in range(BATCH_MAX + 2)]
    await asyncio.sleep(0)
    gate.opened.set()

    await asyncio.gather(*pending)

    assert [len(batch) for batch in gate.batches] == [1, BATCH_MAX, 1]


async def test_one_that_is_refused_does_not_fail_its_neighbours() -> None:
    async def halve(items: Sequence[int]) -> list[float]:
        if 0 in items:
            raise asyncpg.CheckViolationError("no zero")
        return [1 / item for item in items]

    batcher = Batcher(halve, max_concurrent=1, waiting_max_s=60)

    results = await asyncio.gather(
        *(batcher.submit(n) for n in (4, 2, 0, 1)), return_exceptions=True
    )

    assert [result for result in results if isinstance(result, float)] == [0.25, 0.5, 1.0]
    assert isinstance(results[2], asyncpg.CheckViolationError)


async def test_a_lost_connection_fails_every_caller_and_nothing_is_repeated() -> None:
    attempted: list[int] = []

    async def lost(items: Sequence[int]) -> list[int]:
        attempted.extend(items)
        raise Unavailable("the database", retry_after_s=2)

    batcher = Batcher(lost, max_concurrent=1, waiting_max_s=60)

    results = await asyncio.gather(*(batcher.submit(n) for n in range(3)), return_exceptions=True)

    assert all(isinstance(result, Unavailable) for result in results)
    assert sorted(attempted) == [0, 1, 2]


async def test_one_that_left_before_its_batch_is_not_done() -> None:
    gate = Gate()
    batcher = Batcher(gate.double, max_concurrent=1, waiting_max_s=60)
    first, second = (asyncio.create_task(batcher.submit(number)) for number in (1, 2))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    gate.opened.set()

    assert await first == 2
    await batcher.close()
    assert gate.batches == [[1]]


async def test_rows_of_several_are_committed_before_any_is_answered(database: Database) -> None:
    async def insert(db: Database, codes: Sequence[str]) -> list[str]:
        await db.fetch(
            "INSERT INTO merchants (code, name, created_at) "
            "SELECT code, code, now() FROM unnest($1::text[]) AS code",
            [*codes],
        )
        return [*codes]

    async def ask(code: str) -> int:
        await database.run_batched(insert, code)
        rows = await database.fetch("SELECT 1 FROM merchants WHERE code = $1", code)
        return len(rows)

    results = await asyncio.gather(
        *(ask(code) for code in ("shop-1", "shop-2", "no", "shop-2", "shop-3")),
        return_exceptions=True,
    )

    assert [results[0], results[1], results[4]] == [1, 1, 1]
    assert isinstance(results[2], asyncpg.CheckViolationError)
    assert isinstance(results[3], asyncpg.UniqueViolationError)


async def test_nothing_is_done_together_inside_a_transaction(database: Database) -> None:
    async def read(db: Database, items: Sequence[int]) -> list[int]:
        raise AssertionError("never asked")

    async with database.transaction():
        with pytest.raises(AssertionError, match="transaction"):
            await database.run_batched(read, 1)


async def test_call_that_waited_too_long_is_refused_before_its_batch() -> None:
    gate = Gate()
    batcher = Batcher(gate.double, max_concurrent=1, waiting_max_s=0)
    pending = [asyncio.create_task(batcher.submit(number)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    gate.opened.set()
    results = await asyncio.gather(*pending, return_exceptions=True)

    assert results[0] == 0, "it ran at once"
    assert all(isinstance(result, Unavailable) for result in results[1:])
    assert gate.batches == [[0]]

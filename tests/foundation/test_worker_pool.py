"""A worker pool claims what fits, counts each group and waits for its tasks at the end."""

import asyncio
from collections.abc import Sequence

import pytest

from dasi.foundation.worker_pool import WorkerPool


class Pool(WorkerPool[str, str]):
    """Processes the names in `due` once the test releases them; the first letter is the group."""

    def __init__(self, *due: str, max_concurrent: int = 3) -> None:
        super().__init__(max_concurrent=max_concurrent)
        self.due = list(due)
        self.processed: list[str] = []
        self.released: list[str] = []
        self.may_end = asyncio.Event()

    async def claim_due(self, *, only_merchant_id: int | None) -> Sequence[str]:
        claimed = self.due[: self.free_slots]
        del self.due[: self.free_slots]
        return claimed

    def group_of(self, item: str) -> str:
        return item[0]

    async def may_start(self, item: str) -> bool:
        if item.endswith("must wait"):
            self.released.append(item)
            return False
        return True

    async def process(self, item: str) -> None:
        await self.may_end.wait()
        self.processed.append(item)


async def test_poll_starts_as_many_as_fit():
    pool = Pool("a1", "a2", "b1", "b2")
    assert await pool.poll() == 3
    assert pool.free_slots == 0
    assert dict(pool.in_flight) == {"a": 2, "b": 1}
    assert await pool.poll() == 0, "nothing ended, nothing fits"
    assert pool.due == ["b2"]
    pool.may_end.set()
    await pool.close()


async def test_poll_returns_as_soon_as_a_task_ends():
    pool = Pool("a1", max_concurrent=1)
    assert await pool.poll() == 1
    pool.may_end.set()
    assert await pool.poll() == 1, "a slot is free again: poll again at once"
    assert pool.free_slots == 1
    assert not pool.in_flight, "a group without tasks is not kept"
    assert await pool.poll() == 0


async def test_poll_asks_again_when_the_last_task_ended_during_the_claim():
    pool = Pool("a1")
    await pool.poll()
    claim_due = pool.claim_due

    async def claim_while_the_task_ends(*, only_merchant_id: int | None) -> Sequence[str]:
        claimed = await claim_due(only_merchant_id=only_merchant_id)
        pool.may_end.set()
        await asyncio.gather(*pool._tasks)
        return claimed

    pool.claim_due = claim_while_the_task_ends
    assert await pool.poll() == 1
    assert await pool.poll() == 0


async def test_run_due_returns_after_its_batch():
    pool = Pool("a1", "b1")
    pool.may_end.set()
    assert await pool.run_due() == 2
    assert pool.processed == ["a1", "b1"]
    assert pool.free_slots == 3


async def test_a_released_item_is_not_started():
    pool = Pool("a must wait", "b1")
    pool.may_end.set()
    assert await pool.run_due() == 1
    assert pool.processed == ["b1"]
    assert pool.released == ["a must wait"]


async def test_close_returns_after_the_tasks_in_flight():
    pool = Pool("a1", "a2")
    await pool.poll()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    assert not closing.done()
    pool.may_end.set()
    await closing
    assert pool.processed == ["a1", "a2"]


async def test_a_task_that_fails_frees_its_slot():
    class Failing(Pool):
        async def process(self, item: str) -> None:
            raise LookupError(item)

    pool = Failing("a1")
    with pytest.raises(LookupError):
        await pool.run_due()
    assert pool.free_slots == 3
    assert not pool.in_flight

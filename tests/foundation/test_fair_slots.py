"""No holder takes all slots, and a slot that is given back goes to one who may have it."""

import asyncio

import pytest

from dasi.http.fair_slots import FairSlots


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_holder_takes_at_most_seven_eighths():
    slots = FairSlots(16)
    flood = [asyncio.create_task(slots.take_slot("flood")) for _ in range(40)]
    await turn()
    assert sum(task.done() for task in flood) == 14
    await asyncio.wait_for(slots.take_slot("other"), 1)
    for _ in range(3):
        slots.release("flood")
    await turn()
    assert slots.is_full_for("flood")
    assert not slots.is_full_for("other")
    for task in flood:
        task.cancel()
    await asyncio.gather(*flood, return_exceptions=True)


async def test_waiters_get_slots_in_their_order():
    slots = FairSlots(1)
    await slots.take_slot("a")
    order: list[str] = []

    async def wait(name: str) -> None:
        await slots.take_slot(name)
        order.append(name)
        slots.release(name)

    waiting = [asyncio.create_task(wait(name)) for name in "bcd"]
    await turn()
    slots.release("a")
    await asyncio.gather(*waiting)
    assert order == ["b", "c", "d"]


async def test_waiter_that_gives_up_loses_no_slot():
    slots = FairSlots(1)
    await slots.take_slot("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await slots.take_slot("b")
    late = asyncio.create_task(slots.take_slot("b"))
    await turn()
    slots.release("a")
    late.cancel()  # in the moment in which it gets the slot
    await asyncio.gather(late, return_exceptions=True)
    async with asyncio.timeout(1):
        await slots.take_slot("c")

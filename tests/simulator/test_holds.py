"""A hold on a request, executed or not, until its release: the hook of crash tests."""

import asyncio
from typing import Literal

import aiohttp
import pytest

from support.simulator_merchant import Merchant
from support.simulator_process import ControlError


@pytest.mark.parametrize(("when", "net"), [("before", 0), ("after", 9_900)])
async def test_held_charge_is_answered_at_its_release(
    merchant: Merchant, when: Literal["before", "after"], net: int
) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.hold("batch", when=when)
    charging = asyncio.create_task(merchant.charge(key, shopOrderNo="HELD-1"))
    requests = await merchant.kicc.wait_held()
    assert requests[0]["when"] == when
    assert requests[0]["facts"]["shopOrderNo"] == "HELD-1"
    assert not charging.done()
    assert await merchant.net() == net
    assert await merchant.kicc.release() == 1
    assert (await charging)["resCd"] == "0000"
    assert await merchant.net() == 9_900


@pytest.mark.parametrize(("when", "net"), [("before", 0), ("after", 9_900)])
async def test_a_held_charge_may_be_cut(
    merchant: Merchant, when: Literal["before", "after"], net: int
) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.hold("batch", when=when)
    charging = asyncio.create_task(merchant.charge(key))
    await merchant.kicc.wait_held()
    await merchant.kicc.release(is_answered=False)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await charging
    assert await merchant.net() == net


async def test_only_the_next_matching_request_is_held(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    hold = await merchant.kicc.hold("batch", match={"shopOrderNo": "HELD-1"})
    assert (await merchant.charge(key, shopOrderNo="FREE-1"))["resCd"] == "0000"
    charging = asyncio.create_task(merchant.charge(key, shopOrderNo="HELD-1"))
    assert [request["id"] for request in await merchant.kicc.wait_held()] == [hold]
    assert (await merchant.charge(key, shopOrderNo="FREE-2"))["resCd"] == "0000"
    await merchant.kicc.release(hold)
    assert (await charging)["resCd"] == "0000"


async def test_several_are_held_and_released_one_by_one(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    first = await merchant.kicc.hold("batch")
    second = await merchant.kicc.hold("batch")
    charges = [asyncio.create_task(merchant.charge(key)) for _ in range(2)]
    requests = await merchant.kicc.wait_held(2)
    assert {request["id"] for request in requests} == {first, second}
    await merchant.kicc.release(first)
    done, waiting = await asyncio.wait(charges, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(waiting)) == (1, 1)
    await merchant.kicc.release(second)
    await asyncio.wait(charges)
    assert await merchant.net() == 2 * 9_900


async def test_one_request_may_be_held_before_and_after(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    before = await merchant.kicc.hold("batch", when="before")
    after = await merchant.kicc.hold("batch", when="after")
    charging = asyncio.create_task(merchant.charge(key))
    await merchant.kicc.wait_held()
    await merchant.kicc.release(before)
    assert [request["id"] for request in await until_held(merchant, after)] == [after]
    await merchant.kicc.release(after)
    assert (await charging)["resCd"] == "0000"


async def until_held(merchant: Merchant, hold: int) -> list[dict[str, object]]:
    while True:
        requests = await merchant.kicc.wait_held()
        if requests[0]["id"] == hold:
            return requests


async def test_waiting_for_a_hold_without_a_request_ends(merchant: Merchant) -> None:
    await merchant.kicc.hold("batch")
    with pytest.raises(ControlError, match="408"):
        await merchant.kicc.wait_held(timeout_s=0.05)


async def test_a_query_and_a_cancel_can_be_held(merchant: Merchant) -> None:
    paid = await merchant.pay()
    await merchant.kicc.hold("query")
    await merchant.kicc.hold("revise")
    asking = asyncio.create_task(merchant.query(paid["shopTransactionId"]))
    cancelling = asyncio.create_task(merchant.revise(paid["pgCno"], "40"))
    await merchant.kicc.wait_held(2)
    assert await merchant.net() == 0
    await merchant.kicc.release()
    assert (await asking)["resCd"] == (await cancelling)["resCd"] == "0000"


async def test_a_reset_cuts_what_is_held(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.hold("batch")
    charging = asyncio.create_task(merchant.charge(key))
    await merchant.kicc.wait_held()
    await merchant.kicc.reset()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await charging

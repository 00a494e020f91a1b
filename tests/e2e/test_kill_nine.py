"""The gateway is killed before or after the PG processes a request (M1, M2, M4).

An order is charged once, whichever process dies. The worker resolves the unresolved attempt: the
payment is `ready` until then, and afterwards has the PG's result, never any other.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import aiohttp
import pytest

from support.gateway_merchant import Answer, MerchantClient
from support.gateway_process import Programs, running_programs
from support.simulator_process import SimulatorControl

Running = tuple[MerchantClient, Programs]


@pytest.fixture
async def running(database_url: str, kicc: SimulatorControl) -> AsyncIterator[Running]:
    async with running_programs(database_url, kicc) as (client, programs):
        await client.register_card("card-1")
        yield client, programs


async def die_during(running: Running, asking: Coroutine[Any, Any, Any]) -> None:
    """Kill the gateway while KICC holds its request, and start it again.

    A hold for the request must be planned.
    """
    client, programs = running
    task = asyncio.create_task(asking)
    await client.kicc.wait_held()
    await programs.gateways[0].kill()
    with pytest.raises(aiohttp.ClientError):
        await task
    await client.kicc.release(is_answered=False)
    await programs.gateways[0].start()


async def assert_refused_each_time(client: MerchantClient, merchant_uid: str) -> None:
    """Assert that each repetition is refused with the reason and charges nothing."""
    for _ in range(3):
        answer = await client.again(merchant_uid=merchant_uid)
        assert answer.code == -1, answer
        assert "다시 청구하지 마세요" in str(answer.message) or "이미 주문이" in str(answer.message)


async def status_of(client: MerchantClient, merchant_uid: str) -> str:
    answer = await client.get(f"/payments/find/{merchant_uid}")
    assert answer.code == 0, answer
    return str(answer.response["status"])


async def test_killed_between_the_approval_and_our_record(running: Running) -> None:
    client, _programs = running
    await client.kicc.hold("batch", when="after")

    await die_during(running, client.again(merchant_uid="order-1", amount=9_900))

    assert await status_of(client, "order-1") in ("ready", "paid")
    await assert_refused_each_time(client, "order-1")
    (approval,) = await client.approvals()
    assert (approval["amount"], approval["remainAmount"]) == (9_900, 9_900)
    (attempt,) = await client.rows("SELECT * FROM pg_attempts WHERE kind = 'charge'")
    assert approval["shopTransactionId"] == attempt["attempt_id"], "written before it was sent"


async def test_killed_before_the_pg_has_done_anything(running: Running) -> None:
    client, _programs = running
    await client.kicc.hold("batch", when="before")

    await die_during(running, client.again(merchant_uid="order-1", amount=9_900))

    assert await status_of(client, "order-1") in ("ready", "failed")
    assert await client.net_krw() == 0
    await client.again(merchant_uid="order-1", amount=9_900)
    assert len(await client.approvals()) <= 1, "refused while in doubt, or charged once"


async def test_killed_during_the_return_from_a_window(running: Running) -> None:
    client, _programs = running
    opened = await client.ask_for_window(merchant_uid="order-1", amount=19_900)
    _action, fields = await client.kicc.window(opened["window_url"])
    await client.kicc.hold("approval", when="after")

    await die_during(running, client.come_back(opened["window_token"], fields))

    assert await client.come_back(opened["window_token"], fields) == 303, "the payer reloads"
    result = await client.result(opened["window_token"])
    assert (
        result["rsp"] is None or result["rsp"]["success"] or result["rsp"]["error_code"] == "F0006"
    )
    another = await client.ask_for_window(merchant_uid="order-1", amount=19_900)
    assert another["rsp"]["error_code"] in ("F0006", "F1002")
    await assert_refused_each_time(client, "order-1")
    assert await status_of(client, "order-1") in ("ready", "paid")
    assert [paid["amount"] for paid in await client.approvals()] == [19_900]


async def test_killed_while_a_card_is_registered_the_payer_may_register_again(
    running: Running,
) -> None:
    client, _programs = running
    order = {"merchant_uid": "card-order-1", "amount": 0, "customer_uid": "card-2"}
    opened = await client.ask_for_window(**order)
    _action, fields = await client.kicc.window(opened["window_url"])
    await client.kicc.hold("approval", when="after")

    await die_during(running, client.come_back(opened["window_token"], fields))

    reopened = await client.ask_for_window(**order)
    (lost, *_) = await client.rows(
        "SELECT status FROM payments WHERE merchant_uid = 'card-order-1' ORDER BY imp_uid"
    )
    assert "rsp" in reopened or lost["status"] == "failed", (
        "the order is taken until it is resolved"
    )
    await client.register_card("card-2")
    assert (await client.again(customer_uid="card-2")).response["status"] == "paid"
    assert await client.net_krw() == 9_900


async def test_killed_while_many_ask_for_one_order(running: Running) -> None:
    client, programs = running
    await client.kicc.hold("batch", when="after")
    asking = [asyncio.create_task(client.again(merchant_uid="order-1")) for _ in range(30)]
    await client.kicc.wait_held()

    await programs.gateways[0].kill()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    await client.kicc.release(is_answered=False)
    await programs.gateways[0].start()

    answers = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    assert all(answer.code == -1 for answer in answers), "no answer reports a paid order"
    await asyncio.gather(*[client.again(merchant_uid="order-1") for _ in range(30)])
    assert len(await client.approvals()) == 1


async def test_two_hundred_at_once_over_two_gateways_are_one_charge(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_programs(database_url, kicc, gateways=2, workers=0) as (client, programs):
        await client.register_card("card-1")
        token = await client.token()
        body = {"customer_uid": "card-1", "merchant_uid": "order-1", "amount": 9_900}

        async def ask(number: int) -> Answer:
            client.url = programs.gateways[number % 2].url
            headers = {"Authorization": token}
            path = "/subscribe/payments/again"
            return await client.call("POST", path, json=body, headers=headers)

        answers = await asyncio.gather(*[ask(number) for number in range(200)])

        assert sorted(answer.code for answer in answers) == [-1] * 199 + [0]
        (approval,) = await client.approvals()
        (paid,) = [answer.response for answer in answers if answer.code == 0]
        assert (paid["pg_tid"], paid["amount"]) == (approval["pgCno"], approval["amount"])

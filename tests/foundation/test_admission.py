"""A full gateway sends callers away and does nothing for them."""

import asyncio

import pytest

from dasi.http.admission import PAUSE_S
from support.gateway_merchant import running_gateway
from support.simulator_process import SimulatorControl


@pytest.fixture
def two_slots() -> dict[str, str]:
    return {"DASI_MAX_CONCURRENT_REQUESTS": "2"}


async def test_full_gateway_answers_503_with_retry_after_and_creates_nothing(
    database_url: str, kicc: SimulatorControl, two_slots: dict[str, str]
) -> None:
    async with running_gateway(database_url, kicc, **two_slots) as client:
        await client.register_card("card-1")
        await client.token()
        holds = [await kicc.hold("batch", when="before") for _ in range(2)]
        inside = [
            asyncio.create_task(client.again(merchant_uid=f"inside-{number}"))
            for number in range(2)
        ]
        await kicc.wait_held(2)

        headers = {"Authorization": await client.token()}
        request = {"customer_uid": "card-1", "merchant_uid": "outside", "amount": 9_900}
        url = f"{client.url}/subscribe/payments/again"
        began = asyncio.get_running_loop().time()
        async with client.http.post(url, json=request, headers=headers) as answer:
            waited_s = asyncio.get_running_loop().time() - began
            body = await answer.json()
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert body["code"] == -1
        assert body["message"]
        assert waited_s >= PAUSE_S, "who comes again at once is slowed by it"

        async with client.http.get(f"{client.url}/health/ready") as ready:
            assert ready.status == 200
        await kicc.release(*holds)
        assert [answer.code for answer in await asyncio.gather(*inside)] == [0, 0]
        assert await client.rows("SELECT 1 FROM payments WHERE merchant_uid = 'outside'") == []

        assert (await client.again(merchant_uid="outside")).code == 0

"""After a kill of all processes with an answer in flight, the payment resolves itself (M5)."""

import asyncio
import time

import aiohttp
import pytest

from support.gateway_merchant import MerchantClient
from support.gateway_process import running_programs
from support.simulator_process import SimulatorControl

FINAL_WITHIN_S = 15


async def test_lost_answer_and_kill_nine_of_all_reach_the_final_state_by_themselves(
    database_url: str, kicc: SimulatorControl, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_programs(database_url, kicc, workers=1) as (client, programs):
        await client.register_card("card-1")
        await kicc.hold("batch", when="after")
        asking = asyncio.create_task(client.again(merchant_uid="order-1", amount=9_900))
        await kicc.wait_held()

        await asyncio.gather(*(program.kill() for program in programs.all))
        with pytest.raises(aiohttp.ClientError):
            await asking
        await kicc.release(is_answered=False)
        restarted = time.monotonic()
        await asyncio.gather(*(program.start() for program in programs.all))
        status = await _until_final(client, "order-1")
        took_s = time.monotonic() - restarted

        assert status == "paid"
        assert took_s < FINAL_WITHIN_S
        assert len(await client.approvals()) == 1
        again = await client.again(merchant_uid="order-1", amount=9_900)
        assert again.code == -1
    with capsys.disabled():
        print(f"\nfinal {took_s:.1f} s after the restart")  # noqa: T201 - for the developer who runs it


async def _until_final(client: MerchantClient, merchant_uid: str) -> str:
    """Poll the payment, as a merchant would, until it has a final status."""
    while True:
        answer = await client.get(f"/payments/find/{merchant_uid}")
        assert answer.code == 0, answer
        if answer.response["status"] != "ready":
            return str(answer.response["status"])
        await client.engine.database.fetch("SELECT pg_sleep(0.2)")

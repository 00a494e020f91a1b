"""The worker erases old buyers if `DASI_BUYER_RETENTION_DAYS` is set, and nothing otherwise."""

import asyncio
from datetime import timedelta

import pytest

from dasi import worker
from dasi.foundation.clock import ManualClock
from dasi.settings import read_settings
from support.gateway_merchant import VAULT_KEY, MerchantClient, running_gateway
from support.simulator_process import SimulatorControl

NAME = "남궁민수"


async def buyers(client: MerchantClient) -> list[str | None]:
    rows = await client.rows("SELECT buyer_name FROM payments ORDER BY started_at")
    return [row["buyer_name"] for row in rows]


@pytest.mark.parametrize(("days", "buyers_left"), [("30", [None]), ("off", [NAME])])
async def test_the_worker_erases_by_its_setting(
    days: str,
    buyers_left: list[str | None],
    database_url: str,
    kicc: SimulatorControl,
    clock: ManualClock,
) -> None:
    await kicc.set_clock(clock.now().isoformat())
    settings = read_settings(
        {
            "DASI_DATABASE_URL": database_url,
            "DASI_VAULT_KEYS": VAULT_KEY,
            "DASI_BUYER_RETENTION_DAYS": days,
        }
    )
    async with running_gateway(database_url, kicc, clock=clock) as client:
        await client.pay_in_window(buyer_name=NAME)
        clock.advance(timedelta(days=31))
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(client.engine, settings, stop))
        for _ in range(3):
            await asyncio.sleep(0)  # the worker starts its loops, and each loop its first poll
        stop.set()
        await running  # each loop finishes its poll
        assert await buyers(client) == buyers_left

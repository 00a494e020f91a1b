"""All processes are restarted together with a restore: the host's state folder notices it (M11)."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from dasi.recovery import recovery_state
from support.database import TestServer
from support.gateway_merchant import MerchantClient
from support.gateway_process import running_programs
from support.simulator_process import SimulatorControl


async def schedule(client: MerchantClient, order: str) -> None:
    due_at = int((datetime.now(UTC) + timedelta(seconds=4)).timestamp())
    created = await client.call(
        "POST",
        "/subscribe/payments/schedule",
        json={
            "customer_uid": "card-1",
            "schedules": [{"merchant_uid": order, "schedule_at": due_at, "amount": 9_900}],
        },
    )
    assert created.code == 0, created


async def until_paid(client: MerchantClient, order: str) -> None:
    async with asyncio.timeout(60):
        while not await client.rows(  # noqa: ASYNC110 - rows tell when it is done
            "SELECT 1 FROM payments WHERE merchant_uid = $1 AND status = 'paid'", order
        ):
            await asyncio.sleep(0)


async def test_nobody_is_charged_twice_after_a_restart_with_a_restore(
    database_server: TestServer, database_url: str, kicc: SimulatorControl, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    async with running_programs(database_url, kicc, DASI_STATE_DIR=str(state)) as (
        client,
        programs,
    ):
        await client.register_card()
        await client.again(merchant_uid="order-kept")
        await schedule(client, "order-scheduled")
        name = urlsplit(database_url).path.lstrip("/")
        snapshot = await database_server.snapshot(name)
        lost = await client.again(merchant_uid="order-lost")
        await until_paid(client, "order-scheduled")
        await programs.stop()

        await database_server.restore(name, snapshot)
        await programs.start()
        mode = (await recovery_state(client.engine.database)).mode
        await until_paid(client, "order-scheduled")
        again = await client.again(merchant_uid="order-lost")

        assert mode == "recovering", "before the first request"
        assert '"database_went_back"' in programs.log
        assert again.response["pg_tid"] == lost.response["pg_tid"]
        assert len(await client.approvals()) == 3

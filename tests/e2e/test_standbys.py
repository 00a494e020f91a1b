"""A server with standbys that may miss payments takes no live charge."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from dasi.app import create_app
from dasi.foundation.postgres.pool import LONG_WAIT_S
from dasi.readiness import Readiness
from dasi.settings import read_settings
from support.database import TestServer
from support.gateway_merchant import MerchantClient, environment, running_gateway
from support.served_app import served
from support.simulator_process import SimulatorControl
from support.standby import Standby, running_standby


@pytest.fixture
async def live(gateway: MerchantClient) -> MerchantClient:
    """A merchant with a test card and a live one."""
    await gateway.register_card("test-card")
    channel = await gateway.go_live()
    await gateway.register_card("live-card")
    return replace(gateway, channel=channel)


@pytest.fixture
async def standby(database_server: TestServer, live: MerchantClient) -> AsyncIterator[Standby]:
    async with running_standby(database_server) as running:
        await until_standbys(live, 1)
        yield running


async def until_standbys(client: MerchantClient, count: int) -> None:
    """Wait until the leader's standbys are so many."""
    async with asyncio.timeout(20):
        while (await client.rows("SELECT count(*) FROM pg_stat_replication"))[0]["count"] != count:
            pass


async def standbys_line(client: MerchantClient) -> str:
    async with client.http.get(f"{client.url}/health/ready") as answered:
        assert answered.status == 200, await answered.text()
        lines = (await answered.text()).splitlines()
    return next(line for line in lines if line.startswith("standbys: "))


@asynccontextmanager
async def synchronous(server: TestServer, database_name: str) -> AsyncIterator[None]:
    """Let the leader wait for its standby until the block ends."""
    await server.execute(
        f"ALTER ROLE dasi_app IN DATABASE {database_name} SET synchronous_commit = on"
    )
    await server.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    await server.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        await server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await server.execute("SELECT pg_reload_conf()")


@pytest.mark.usefixtures("standby")
async def test_asynchronous_standby_stops_live_charges(
    live: MerchantClient, database_url: str, kicc: SimulatorControl
) -> None:
    assert "asynchronous" in await standbys_line(live)

    refused = await live.again(customer_uid="live-card", merchant_uid="order-1")
    window = await live.request_window(merchant_uid="order-2")
    tested = await live.again(customer_uid="test-card", include_sandbox=True)

    assert (refused.http_status, refused.code) == (503, -1)
    assert not window["rsp"]["success"]
    assert tested.code == 0, tested
    assert await live.approvals() == []

    accepting = replace(live.engine, readiness=Readiness(accepts_lost_payments=True))
    variables = environment(database_url, kicc_url=kicc.base_url, public_url=live.url)
    async with served(create_app(accepting, read_settings(variables))) as url:
        accepted = replace(live, url=url)
        assert "which is accepted" in await standbys_line(accepted)
        assert (await accepted.again(customer_uid="live-card", merchant_uid="order-1")).code == 0
    accepting.readiness.close()


@pytest.mark.usefixtures("standby")
async def test_synchronous_standby_takes_live_charges(
    live: MerchantClient,
    database_server: TestServer,
    database_name: str,
    database_url: str,
    kicc: SimulatorControl,
) -> None:
    async with synchronous(database_server, database_name):
        variables = environment(database_url, kicc_url=kicc.base_url, public_url=live.url)
        fresh = replace(live.engine, readiness=Readiness())
        async with served(create_app(fresh, read_settings(variables))) as url:
            served_live = replace(live, url=url)
            assert (await standbys_line(served_live)) == "standbys: 1, synchronous"
            charged = await served_live.again(customer_uid="live-card")
        fresh.readiness.close()

    assert charged.code == 0
    assert len(await live.approvals()) == 1


async def test_nothing_is_sent_after_a_long_wait_unless_each_leader_has_the_attempt(
    database_server: TestServer, database_name: str, kicc: SimulatorControl
) -> None:
    """It takes more than `LONG_WAIT_S`, because the charge waits for so long."""
    async with running_standby(database_server) as standby:
        url = standby.url_of(database_name)
        async with running_gateway(url, kicc) as client:
            await client.register_card("card-1")
            await client.token()
            await standby.promote()
            locking = await asyncpg.connect(database_server.owner_url_of(database_name))
            async with locking.transaction():
                await locking.execute("LOCK TABLE payments")
                charging = asyncio.create_task(client.again(merchant_uid="order-1"))
                await locking.execute(f"SELECT pg_sleep({LONG_WAIT_S + 0.3})")
            await locking.close()

            waited = await charging
            assert waited.code != 0
            assert await client.approvals() == []
            assert (await client.again(merchant_uid="order-2")).code == 0

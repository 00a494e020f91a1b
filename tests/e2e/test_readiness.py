"""Ready means able: writable database, right clock, own sealing keys, room on the disk."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dasi.app import create_app
from dasi.engine import Engine
from dasi.foundation.errors import Unavailable
from dasi.readiness import Readiness
from dasi.readiness.checks import DISK_FREE_MIN_BYTES, check_disk
from dasi.settings import Settings, read_settings
from dasi.worker import run
from support.database import TestServer
from support.gateway_merchant import MerchantClient, environment, running_gateway
from support.served_app import served
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import receiving

FAKETIME = shutil.which("faketime")
PUBLIC_URL = "http://127.0.0.1:9"
TWO_HOURS = timedelta(hours=2)


def settings_of(database_url: str, kicc: SimulatorControl) -> Settings:
    variables = environment(database_url, kicc_url=kicc.base_url, public_url=PUBLIC_URL)
    return read_settings(variables)


async def health(url: str, client: MerchantClient) -> tuple[int, list[str]]:
    async with client.http.get(f"{url}/health/ready") as answered:
        return answered.status, (await answered.text()).splitlines()


@dataclass
class ClockAhead:
    """The clock of a machine that is ahead, until it is corrected."""

    ahead: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def with_clock(engine: Engine, clock: ClockAhead) -> Engine:
    """The same engine on a machine with that clock."""
    return replace(engine, readiness=Readiness(clock=clock))


@asynccontextmanager
async def worker(engine: Engine, settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    working = asyncio.create_task(run(engine, settings, stop))
    try:
        yield
    finally:
        stop.set()
        await working


async def test_each_check_has_a_line(gateway: MerchantClient) -> None:
    status, lines = await health(gateway.url, gateway)

    assert (status, lines[0]) == (200, "ok")
    names = [line.partition(":")[0] for line in lines[1:]]
    assert names == ["database", "clock", "standbys", "sealing keys"]


async def test_read_only_database_is_not_ready(
    database_server: TestServer, gateway: MerchantClient
) -> None:
    await gateway.register_card("card-1")
    await gateway.token()
    await database_server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    await database_server.execute("SELECT pg_reload_conf()")
    try:
        refused = await gateway.again(merchant_uid="order-1")
        status, lines = await health(gateway.url, gateway)
    finally:
        # ALTER SYSTEM writes a file and no row, so a read-only server takes it.
        await database_server.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await database_server.execute("SELECT pg_reload_conf()")

    assert refused.http_status == 503
    assert (status, lines[0]) == (503, "not ready")
    assert lines[1].startswith("database: ")
    assert (await gateway.again(merchant_uid="order-1")).code == 0
    assert (await health(gateway.url, gateway))[0] == 200


async def test_wrong_clock_is_not_ready_and_refuses_charges(
    database_url: str, kicc: SimulatorControl, gateway: MerchantClient
) -> None:
    await gateway.register_card("card-1")
    clock = ClockAhead(TWO_HOURS)
    engine = with_clock(gateway.engine, clock)
    async with served(create_app(engine, settings_of(database_url, kicc))) as url:
        status, lines = await health(url, gateway)
        wrong = replace(gateway, url=url)
        refused = await wrong.again(merchant_uid="order-1")
        rsp = await wrong.request_window(merchant_uid="order-2")
        clock.ahead = timedelta()
        corrected, _lines = await health(url, gateway)
        charged = await wrong.again(merchant_uid="order-1")
    engine.readiness.close()

    assert (status, lines[0]) == (503, "not ready")
    assert re.fullmatch(r"clock: 7\d{3}\.\d s ahead of PostgreSQL's; at most 5 s .*", lines[2])
    assert (refused.http_status, rsp["rsp"]["success"]) == (503, False)
    assert (corrected, charged.code) == (200, 0)
    assert len(await gateway.approvals()) == 1


async def test_worker_with_a_wrong_clock_starts_no_schedule_and_closes_no_attempt(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with (
        receiving() as endpoint,
        running_gateway(database_url, kicc, webhook_url=endpoint.url) as client,
    ):
        await client.register_card("card-1")
        await client.kicc.scenario("server_error_before_processing", "batch")
        assert (await client.again(merchant_uid="lost")).code != 0
        in_an_hour = int(datetime.now(UTC).timestamp()) + 3_600
        due = {"merchant_uid": "due", "schedule_at": in_an_hour, "amount": 9_900, "name": "9월"}
        request = {"customer_uid": "card-1", "schedules": [due]}
        assert (await client.call("POST", "/subscribe/payments/schedule", json=request)).code == 0
        await client.rows("UPDATE schedules SET due_at = now() - interval '1 minute'")
        await client.rows("UPDATE pg_attempts SET next_lookup_at = now() WHERE state = 'unknown'")
        clock = ClockAhead(TWO_HOURS)
        engine = with_clock(client.engine, clock)
        await engine.readiness.check(engine.database, engine.vault)

        async with worker(engine, settings_of(database_url, kicc)):
            await endpoint.until(1)  # what does not depend on the time goes on
            await client.again(merchant_uid="new")
            await endpoint.until(2)
            (approval,) = await client.approvals()
            assert approval["shopOrderNo"].startswith("new-")
            assert await lookups(client) == 0

            clock.ahead = timedelta()
            await engine.readiness.check(engine.database, engine.vault)

            orders = {post.values["merchant_uid"] for post in await endpoint.until(3)}
            assert "due" in orders
            async with asyncio.timeout(20):
                while await lookups(client) == 0:
                    pass
        engine.readiness.close()


async def lookups(client: MerchantClient) -> int:
    rows = await client.rows("SELECT max(lookups) AS lookups FROM pg_attempts")
    return int(rows[0]["lookups"])


async def test_clock_that_jumps_is_noticed_before_the_next_check(gateway: MerchantClient) -> None:
    clock = ClockAhead(timedelta())
    readiness = Readiness(clock=clock)
    database, vault = gateway.engine.database, gateway.engine.vault
    await readiness.check(database, vault)
    assert readiness.is_clock_right

    clock.ahead = timedelta(minutes=40)
    assert not readiness.is_clock_right
    with pytest.raises(Unavailable, match="clock"):
        readiness.ensure_clock_right()
    await readiness.check(database, vault)
    clock.ahead = timedelta()
    assert not readiness.is_clock_right, "the last check found it wrong"
    await readiness.check(database, vault)
    assert readiness.is_clock_right
    readiness.close()


@pytest.mark.skipif(FAKETIME is None, reason="no faketime (Debian: apt install faketime)")
async def test_program_with_a_wrong_clock_does_not_start(
    database_url: str, kicc: SimulatorControl
) -> None:
    assert FAKETIME is not None
    variables = environment(database_url, kicc_url=kicc.base_url, public_url=PUBLIC_URL)
    worker = await asyncio.create_subprocess_exec(
        *(FAKETIME, "-f", "+2h", sys.executable, "-m", "dasi.serve", "worker"),
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await worker.communicate()

    assert worker.returncode == 1
    assert "This machine's clock disagrees with PostgreSQL's." in output.decode()


def test_full_disk_is_not_ready(tmp_path: Path) -> None:
    free_bytes = shutil.disk_usage(tmp_path).free
    assert check_disk(tmp_path).is_able == (free_bytes >= DISK_FREE_MIN_BYTES)
    assert not check_disk(tmp_path / "gone").is_able

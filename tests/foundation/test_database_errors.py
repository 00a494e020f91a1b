"""What the database cannot do now is `Unavailable`, and no bug."""

import asyncio

import asyncpg
import pytest

from dasi.foundation.db import Database
from dasi.foundation.errors import Unavailable
from support.database import TestServer
from support.gateway_merchant import running_gateway
from support.simulator_process import SimulatorControl


@pytest.mark.parametrize(
    ("sqlstate", "meaning"),
    [
        ("53100", "the disk is full"),
        ("53200", "the memory is full"),
        ("53400", "a limit of the configuration"),
        ("57014", "cancelled by statement_timeout or an operator"),
        ("57P05", "ended while idle"),
        ("58030", "a file cannot be read or written"),
        ("25P03", "idle in a transaction for too long"),
        ("25P04", "a transaction that took too long"),
        ("55P03", "a lock that was not to be had"),
    ],
)
async def test_error_of_the_server_is_unavailable(
    database: Database, sqlstate: str, meaning: str
) -> None:
    raising = f"DO $$ BEGIN RAISE '{meaning}' USING ERRCODE = '{sqlstate}'; END $$"

    with pytest.raises(Unavailable):
        await database.fetch(raising)
    with pytest.raises(Unavailable):
        async with database.transaction() as connection:
            await connection.execute(raising)

    assert [row[0] for row in await database.fetch("SELECT 1")] == [1]


async def test_cancelled_charge_is_answered_503(
    database_server: TestServer, database_name: str, database_url: str, kicc: SimulatorControl
) -> None:
    await database_server.execute(
        f"ALTER ROLE dasi_app IN DATABASE {database_name} SET statement_timeout = '200ms'"
    )
    async with running_gateway(database_url, kicc) as client:
        await client.register_card("card-1")
        locking = await asyncpg.connect(database_server.owner_url_of(database_name))
        async with locking.transaction():
            await locking.execute("LOCK TABLE payments")

            refused = await client.again(merchant_uid="order-1")

        await locking.close()
        assert (refused.http_status, refused.code) == (503, -1)
        assert (await client.again(merchant_uid="order-1")).code == 0
        assert len(await client.approvals()) == 1


async def test_charge_hears_within_a_second_that_there_is_no_database(
    database_server: TestServer, database_name: str, database_url: str, kicc: SimulatorControl
) -> None:
    async with running_gateway(database_url, kicc) as client:
        await client.register_card("card-1")
        await client.token()
        await database_server.execute(f"ALTER DATABASE {database_name} ALLOW_CONNECTIONS false")
        await database_server.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{database_name}'"
        )

        async with asyncio.timeout(1):
            refused = await client.again()
        async with client.http.get(f"{client.url}/health/ready") as ready:
            assert (ready.status, (await ready.text()).splitlines()[0]) == (503, "not ready")

        await database_server.execute(f"ALTER DATABASE {database_name} ALLOW_CONNECTIONS true")
        assert refused.http_status == 503
        assert (await client.again()).code == 0

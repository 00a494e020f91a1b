"""Connections find the server that accepts writes, and leave one that does not answer."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest

from dasi.foundation.db import Connection, Database, open_database
from dasi.foundation.errors import Unavailable
from dasi.foundation.postgres import Hosts
from dasi.foundation.postgres.hosts import addresses
from dasi.foundation.vault import Vault
from dasi.readiness import Readiness
from support.database import TestServer
from support.pooler import PGBOUNCER, running_pooler
from support.standby import Standby, frozen, running_standby

NAME = "SELECT current_setting('cluster_name')"


@pytest.fixture
async def standby(database_server: TestServer, database_name: str) -> AsyncIterator[Standby]:
    """A standby that has the test's database, which is made first."""
    assert database_name
    async with running_standby(database_server) as running:
        yield running


async def until_answered(database: Database, sql: str) -> str:
    async with asyncio.timeout(20):
        while True:
            try:
                row = await database.fetchrow(sql)
            except Unavailable:
                continue
            assert row is not None
            return str(row[0])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql:///dasi", ((None, None),)),
        ("postgresql://dasi@db/dasi", (("db", None),)),
        ("postgresql://dasi:p%40ss@a:1,b,[::1]:3/dasi", (("a", 1), ("b", None), ("::1", 3))),
        ("postgresql://dasi@a,b/dasi?port=1,2", (("a", 1), ("b", 2))),
        ("postgresql://dasi@/dasi?host=/run/a,/run/b", (("/run/a", None), ("/run/b", None))),
        ("postgresql://dasi@%2Frun%2Fa/dasi", (("/run/a", None),)),
    ],
)
def test_hosts_of_a_url(url: str, expected: tuple[tuple[str | None, int | None], ...]) -> None:
    assert addresses(url) == expected


async def test_standby_and_missing_host_are_passed_over(
    standby: Standby, database_name: str
) -> None:
    url = standby.url_of(database_name)
    leader_last = (
        url.partition("=")[0] + "=/nowhere," + ",".join(reversed(url.partition("=")[2].split(",")))
    )

    connection = await Hosts(leader_last).connect()

    assert await connection.fetchval(NAME) == ""
    await connection.close()


async def test_connection_of_a_cancelled_caller_goes_to_the_next(database_url: str):
    hosts = Hosts(database_url)
    connection = await hosts.connect()
    hosts.offer(connection)
    caller = asyncio.create_task(hosts.connect_for_pool())
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await hosts.connect_for_pool() is connection
    await hosts.close()
    assert connection.is_closed()


async def test_hung_leader_is_left_for_the_promoted_standby(
    standby: Standby, database_server: TestServer, database_name: str
) -> None:
    """It takes 8 s: a server counts as hung only after it was silent for 3 s, and then 2.5 s."""
    database = await open_database(
        standby.url_of(database_name), connections_max=4, statement_timeout_s=60
    )
    readiness, vault = Readiness(), Vault([bytes(32)])
    assert all(check.is_able for check in await readiness.check(database, vault))
    with frozen(database_server):
        under_way = asyncio.create_task(database.fetch("SELECT 1"))
        while_silent = [await readiness.check(database, vault) for _ in range(2)]
        assert [checks[0].is_able for checks in while_silent] == [False, False]
        with pytest.raises(Unavailable):
            await asyncio.wait_for(under_way, timeout=1)
        sent_at = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await database.fetch("SELECT 1")
        assert asyncio.get_running_loop().time() - sent_at < 1

        await standby.promote()

        assert await until_answered(database, NAME) == "standby"
    # The old leader wakes up and accepts writes again. The pool does not use it any more.
    assert {row[0] for row in await database.fetch(NAME)} == {"standby"}
    readiness.close()
    await database.close()


async def test_what_only_a_deposed_leader_has_is_not_true_of_each_leader(
    standby: Standby, database_server: TestServer, database_name: str
) -> None:
    async def has_note(connection: Connection) -> bool:
        return bool(await connection.fetchval("SELECT to_regclass('note') IS NOT NULL"))

    database = await open_database(
        standby.url_of(database_name), connections_max=2, statement_timeout_s=30
    )
    await standby.promote()
    await database_server.execute("CREATE TABLE note ()", database=database_name)
    assert not await database.is_true_on_each_leader(has_note)

    await standby.execute("CREATE TABLE note ()", database=database_name)

    assert await database.is_true_on_each_leader(has_note)
    await database.close()


async def test_read_only_connections_are_dropped(
    database_server: TestServer, database_name: str, database_url: str
) -> None:
    database = await open_database(database_url, connections_max=2, statement_timeout_s=30)
    insert = "INSERT INTO vault_sentinel (sealed) VALUES ('x') ON CONFLICT DO NOTHING"
    await database_server.execute(
        f"ALTER DATABASE {database_name} SET default_transaction_read_only = on"
    )
    # A connection of that time stays read-only for good. It is refused before it is used.
    await database_server.execute(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE datname = '{database_name}'"
    )
    with pytest.raises(Unavailable):
        await database.fetch(insert)

    await database_server.execute(
        f"ALTER DATABASE {database_name} RESET default_transaction_read_only"
    )

    await database.fetch(insert)
    await database.close()


async def test_connection_is_not_used_again_after_a_refused_write(database: Database) -> None:
    """The pool's connections become read-only while they are open, as those of a demoted server."""

    async def write_read_only() -> None:
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL transaction_read_only = on")
            await connection.execute("INSERT INTO vault_sentinel (sealed) VALUES ('x')")

    (before,) = await database.fetch("SELECT pg_backend_pid() AS pid")
    with pytest.raises(Unavailable):
        await write_read_only()

    (after,) = await database.fetch("SELECT pg_backend_pid() AS pid")

    assert before["pid"] != after["pid"]


@pytest.mark.skipif(PGBOUNCER is None, reason="no PgBouncer (Debian: apt install pgbouncer)")
async def test_connection_over_tcp_has_keep_alive(database_url: str) -> None:
    async with running_pooler(database_url, connections=1) as (pooled, _):
        connection = await Hosts(pooled, statement_cache_size=0).connect()
        descriptor = connection._transport.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            keep_alive = copy.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            timeout_ms = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        await connection.close()
    assert (bool(keep_alive), timeout_ms) == (True, 10_000)

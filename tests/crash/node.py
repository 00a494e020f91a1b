"""A gateway or a worker in this process that can die like a process of its own.

Its death breaks its PostgreSQL connections, so the server rolls back open transactions, and its
connections to the PG. Its operations are never resumed.
"""

import asyncio
from dataclasses import dataclass, field

import asyncpg

from crash.killable import Life
from dasi.engine import Engine
from dasi.foundation.clock import Clock
from dasi.foundation.db import open_database
from dasi.foundation.vault import Vault
from dasi.providers.kicc.adapter import KiccProvider
from dasi.recovery import CommitMemory
from dasi.scheduler import Runner
from dasi.webhooks import Deliverer

_ANSWER_TIMEOUT_S = 3.0
VAULT_KEY = bytes(32)
_MAX_CONCURRENT_SCHEDULES = 16
_PATIENCE, _CHECKS_MAX = 500, 20_000
_SERVED = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
# A connection that was being made at the death has no owner any more.
_CUT_OFF = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE application_name = $1"""


@dataclass
class Node:
    name: str
    engine: Engine
    deliverer: Deliverer
    runner: Runner
    lives: list[Life] = field(default_factory=list)
    """The lives of all its operations: work that outlasts its operation dies with the node."""

    async def die(self, watcher: asyncpg.Connection) -> None:
        """Break all connections, end the bodies, and wait until PostgreSQL has noticed."""
        self._break_connections()
        for life in self.lives:  # at once: no life may notice the death of another one first
            life.die()
        await self._provider.close()
        for life in self.lives:
            await life.put_away()
        self._break_connections()  # those that were being made
        await asyncio.sleep(0)  # a waiter for the end of its tasks runs first
        await self.deliverer.close()
        for check in range(_CHECKS_MAX):
            if not await watcher.fetchval(_CUT_OFF if check >= _PATIENCE else _SERVED, self.name):
                break
        else:
            raise AssertionError(f"PostgreSQL still serves the dead node {self.name}")

    def set_pg_url(self, kicc_url: str) -> None:
        """Send requests to the PG to this URL from now on."""
        self._provider._urls[True] = kicc_url

    def has_queued_request(self) -> bool:
        """Whether a request waits for a free connection to the PG."""
        return any(host.slots._waiters for host in self._provider._client._hosts.values())

    async def close(self) -> None:
        await self.runner.close()
        await self.deliverer.close()
        await self._provider.close()
        await self.engine.database.close()

    def _break_connections(self) -> None:
        """Those of the pool, and those that a dead task was about to give to the pool."""
        self.engine.database.pool.asyncpg_pool.terminate()
        self.engine.database.pool.hosts.drop_all()

    @property
    def _provider(self) -> KiccProvider:
        provider = self.engine.providers["kicc"]
        assert isinstance(provider, KiccProvider)
        return provider


async def open_node(
    name: str,
    *,
    database_url: str,
    kicc_url: str,
    clock: Clock,
    inline_lookup_delay_s: float,
    pg_connections: int,
) -> Node:
    mark = "&" if "?" in database_url else "?"
    commit_memory = CommitMemory(clock)
    database = await open_database(
        f"{database_url}{mark}application_name={name}",
        connections_max=6,
        statement_timeout_s=30,
        check_connection=commit_memory.check,
    )
    provider = KiccProvider(
        sandbox_url=kicc_url,
        live_url="https://live.invalid",
        clock=clock,
        connections_max=pg_connections,
        total_timeout_s=_ANSWER_TIMEOUT_S,
    )
    engine = Engine(
        database=database,
        clock=clock,
        vault=Vault([VAULT_KEY]),
        providers={"kicc": provider},
        public_url="https://pay.example.kr",
        window_ttl_s=1_800,
        allows_local_urls=True,
        inline_lookup_delay_s=inline_lookup_delay_s,
        commit_memory=commit_memory,
    )
    runner = Runner(engine, per_merchant=_MAX_CONCURRENT_SCHEDULES)
    return Node(name, engine, Deliverer(engine, allow_local=True), runner)

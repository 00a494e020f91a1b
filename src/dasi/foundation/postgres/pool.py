"""The pool: one `Lease` of a connection for each operation.

A connection is dropped when its server turned read-only or stopped answering. `Hosts` then finds
the server that accepts writes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from types import TracebackType

import asyncpg

from dasi.foundation.errors import Unavailable
from dasi.foundation.postgres.failures import UNAVAILABLE
from dasi.foundation.postgres.hosts import Hosts

_STATEMENTS_PREPARED = 100
"""On each connection; a process knows a few dozen."""
_AWAY_PATIENCE_S = 0.8
"""How long an operation waits for a connection while no server is known that accepts writes."""
_RELEASE_S = 2.0
"""A server that does not acknowledge the end of a statement for so long does not answer at all."""
LONG_WAIT_S = 5.0
"""Shorter than the time after which a cluster manager elects another leader (Patroni: 20 s or
more). A server that was frozen for longer may have been deposed meanwhile."""

_waited_long: ContextVar[bool] = ContextVar("waited_long", default=False)


class Pool:
    """The connections of one process to the leader."""

    def __init__(
        self,
        asyncpg_pool: asyncpg.Pool,
        hosts: Hosts,
        *,
        connections_max: int,
        statement_timeout_s: float,
    ) -> None:
        self.asyncpg_pool = asyncpg_pool
        self.hosts = hosts
        self.connections_max = connections_max
        self.statement_timeout_s = statement_timeout_s
        self.leases = 0
        """Operations that have a connection or wait for one."""

    def lease(self) -> "Lease":
        return Lease(self)

    async def close(self) -> None:
        await self.asyncpg_pool.close()
        await self.hosts.close()


class Lease:
    """A connection of the pool for one operation; its errors end as `Unavailable`."""

    __slots__ = ("_loop", "_pool", "_queued_at", "connection")

    connection: asyncpg.Connection

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._queued_at = self._loop.time()

    def left_s(self) -> float:
        """The time that is left for a statement: its deadline counts from when it was queued."""
        deadline = self._queued_at + self._pool.statement_timeout_s
        return max(deadline - self._loop.time(), 0.001)

    async def __aenter__(self) -> asyncpg.Connection:
        pool = self._pool
        pool.leases += 1
        try:
            if pool.leases <= pool.connections_max:
                # No other operation is in the way, and `Hosts` limits the time to connect.
                self.connection = await pool.asyncpg_pool.acquire()
            else:
                # While connections are merely busy, waiting for one is what helps.
                patience_s = _AWAY_PATIENCE_S if pool.hosts.is_away else self.left_s()
                async with asyncio.timeout(patience_s):
                    self.connection = await pool.asyncpg_pool.acquire()
        except BaseException as error:
            pool.leases -= 1
            if isinstance(error, UNAVAILABLE):
                raise Unavailable("the database", retry_after_s=2) from error
            raise
        return self.connection

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pool = self._pool
        pool.leases -= 1
        note_wait(self._loop.time() - self._queued_at)
        if error is None:
            pool.hosts.is_away = False
            await pool.asyncpg_pool.release(self.connection)
            return
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            # The other connections lead to the same server. Each ends before it is used again.
            await pool.asyncpg_pool.expire_connections()
        try:
            await pool.asyncpg_pool.release(self.connection, timeout=_RELEASE_S)
        except TimeoutError:
            # Neither the statement nor its end is acknowledged. A caller that left proves nothing.
            if isinstance(error, TimeoutError):
                pool.hosts.drop_all()
        except UNAVAILABLE:
            pass  # the connection is gone, as the statement's own error says
        if isinstance(error, UNAVAILABLE):
            raise Unavailable("the database", retry_after_s=2) from error


async def open_pool(
    url: str,
    *,
    connections_max: int,
    statement_timeout_s: float,
    has_pooler: bool,
    check_connection: Callable[[asyncpg.Connection], Awaitable[None]] | None,
) -> Pool:
    """Open the pool of `dasi.foundation.db.open_database`, with errors as asyncpg raises them."""
    hosts = Hosts(
        url,
        command_timeout=statement_timeout_s,
        statement_cache_size=0 if has_pooler else _STATEMENTS_PREPARED,
    )
    try:
        # The first connection may take longer than a later one, and says why there is none.
        hosts.offer(await hosts.connect())
        asyncpg_pool = await asyncpg.create_pool(
            connect=hosts.connect_for_pool,
            init_size=1,
            min_size=0,  # asyncpg would log a traceback for each attempt to keep a floor
            max_size=connections_max,
            reset=_no_reset,
            init=check_connection,
        )
    except BaseException:
        await hosts.close()
        raise
    return Pool(
        asyncpg_pool,
        hosts,
        connections_max=connections_max,
        statement_timeout_s=statement_timeout_s,
    )


def take_long_wait() -> bool:
    """Whether this task waited longer than `LONG_WAIT_S` for the database since the last call."""
    has_waited = _waited_long.get()
    if has_waited:
        _waited_long.set(False)
    return has_waited


def note_wait(waited_s: float) -> None:
    """Remember a long wait of this task for `take_long_wait`."""
    if waited_s > LONG_WAIT_S:
        _waited_long.set(True)


async def _no_reset(_connection: asyncpg.Connection) -> None:
    """Nothing to reset: no statement of ours leaves state on a connection."""

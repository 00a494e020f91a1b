"""PostgreSQL: the pool, transactions, and the classes of its errors.

No session state lives on a pooled connection (`SET LOCAL` only), so the pool's reset query is
switched off and a transaction pooler may stand in between. While a transaction is open
no request may go outside: every function that sends one calls `assert_no_transaction`.

A connection is dropped when its server turned read-only or stopped answering. `Hosts` then finds
the server that accepts writes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar

import asyncpg

from dasi.foundation.batching import Batcher
from dasi.foundation.errors import Unavailable
from dasi.foundation.postgres import UNAVAILABLE, Hosts, Pool, note_wait, open_pool

Connection: TypeAlias = asyncpg.Connection
Row: TypeAlias = asyncpg.Record
Item = TypeVar("Item")
Result = TypeVar("Result")

_MAX_CONCURRENT_BATCHES = 1
"""Of one kind, in one process. Later calls make the next batch larger, which costs less than a
second concurrent one (at 32 clients: 140 µs of PostgreSQL less a charge)."""
_NOTIFY_INTERVAL_S = 0.02
_HOUSEKEEPING_LOCK_MS, _HOUSEKEEPING_STATEMENT_MS = 100, 2_000

_open_transactions: ContextVar[int] = ContextVar("open_transactions", default=0)


class Database:
    """One pool. Verbs take a `Database` and open their own transactions."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._batchers: dict[Callable[..., Any], Batcher[Any, Any]] = {}
        self._notify_tasks: dict[str, asyncio.Task[None]] = {}
        self._renotify: set[str] = set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction; commits at the end, rolls back on any error. Keep it short.

        `Unavailable` when the database cannot be reached. A connection lost on the way also ends as
        `Unavailable`: the caller must then not assume that nothing was written.
        """
        async with self._transaction() as connection:
            yield connection

    @asynccontextmanager
    async def housekeeping(self) -> AsyncIterator[Connection]:
        """A transaction that rather gives up than holds up a charge: `Unavailable`, try later."""
        try:
            async with self._transaction() as connection:
                await connection.execute(
                    f"SET LOCAL lock_timeout = {_HOUSEKEEPING_LOCK_MS}; "
                    f"SET LOCAL statement_timeout = {_HOUSEKEEPING_STATEMENT_MS}"
                )
                yield connection
        except Unavailable as busy:
            raise Unavailable("housekeeping", retry_after_s=60) from busy

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A read-only transaction whose statements all see one state of the database."""
        async with self._transaction(isolation="repeatable_read", readonly=True) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, **options: Any) -> AsyncIterator[Connection]:
        async with self.pool.lease() as connection:
            mark = _open_transactions.set(_open_transactions.get() + 1)
            try:
                async with connection.transaction(**options):
                    yield connection
            finally:
                _open_transactions.reset(mark)

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """One statement, its own transaction, all rows."""
        lease = self.pool.lease()
        async with lease as connection:
            return list(await connection.fetch(sql, *values, timeout=lease.left_s()))

    async def fetchrow(self, sql: str, *values: Any) -> Row | None:
        """One statement, its own transaction, the first row or None."""
        lease = self.pool.lease()
        async with lease as connection:
            row: Row | None = await connection.fetchrow(sql, *values, timeout=lease.left_s())
        return row

    async def open_session(self) -> Connection:
        """Open a connection outside the pool; the caller closes it. `Unavailable` without one."""
        try:
            return await self.pool.hosts.connect()
        except UNAVAILABLE as lost:
            raise Unavailable("the database", retry_after_s=2) from lost

    async def is_true_on_each_leader(self, check: Callable[[Connection], Awaitable[bool]]) -> bool:
        """Whether `check` holds on a new connection to each host that accepts writes.

        False without such a host. It asks every host, so it is for rare cases only.
        """
        connections = await self.pool.hosts.connect_to_each()
        try:
            results = [await check(connection) for connection in connections]
        except UNAVAILABLE:
            return False
        finally:
            for connection in connections:
                connection.terminate()
        return bool(results) and all(results)

    def drop_connections(self, *, opened_before: float | None = None) -> None:
        """Cut connections whose server does not answer, or is another one by now.

        Statements under way on them end as `Unavailable`. `opened_before`: a moment of the loop's
        clock; None cuts all.
        """
        if opened_before is None:
            self.pool.hosts.drop_all()
        else:
            self.pool.hosts.drop_opened_before(opened_before)

    async def run_batched(
        self,
        act: Callable[["Database", Sequence[Item]], Awaitable[Sequence[Result]]],
        item: Item,
    ) -> Result:
        """Return the result of `act` for one item, batched with concurrent calls of it.

        `act` reads or writes for all items in one transaction of its own and gives one result for
        each, in their order. It is a function of a store, not made anew for each call.
        """
        assert_no_transaction()
        batcher = self._batchers.get(act)
        if batcher is None:

            async def for_all(items: Sequence[Item]) -> Sequence[Result]:
                return await act(self, items)

            batcher = self._batchers[act] = Batcher(
                for_all,
                max_concurrent=_MAX_CONCURRENT_BATCHES,
                waiting_max_s=self.pool.statement_timeout_s,
            )
        loop = asyncio.get_running_loop()
        queued_at = loop.time()
        result: Result = await batcher.submit(item)
        note_wait(loop.time() - queued_at)
        return result

    def notify(self, channel: str) -> None:
        """Wake the listeners of `channel`: soon, and once for many calls.

        Not inside a transaction, because PostgreSQL lets transactions that notify commit only one
        after the other. It may be lost: listeners also poll.
        """
        if channel in self._notify_tasks:
            self._renotify.add(channel)
            return
        notifying = asyncio.get_running_loop().create_task(self._notify(channel))
        self._notify_tasks[channel] = notifying
        notifying.add_done_callback(lambda _task: self._notify_tasks.pop(channel, None))

    async def _notify(self, channel: str) -> None:
        while True:
            self._renotify.discard(channel)
            try:
                await self.fetch("SELECT pg_notify($1, '')", channel)
            except (asyncpg.PostgresError, Unavailable):
                return
            await asyncio.sleep(_NOTIFY_INTERVAL_S)
            if channel not in self._renotify:
                return

    async def close(self) -> None:
        for notifying in [*self._notify_tasks.values()]:
            notifying.cancel()
        for batcher in self._batchers.values():
            await batcher.close()
        await self.pool.close()


async def open_database(
    url: str,
    *,
    connections_max: int,
    statement_timeout_s: float,
    has_pooler: bool = False,
    check_connection: Callable[[Connection], Awaitable[None]] | None = None,
) -> Database:
    """Open the pool. `Unavailable` if the server does not answer.

    `has_pooler`: a transaction pooler stands in between. A connection is ours for one
        transaction only, so a statement prepared by name would be missing on the next one.
    `check_connection` runs on each new connection before it is used.
    """
    try:
        pool = await open_pool(
            url,
            connections_max=connections_max,
            statement_timeout_s=statement_timeout_s,
            has_pooler=has_pooler,
            check_connection=check_connection,
        )
    except UNAVAILABLE as lost:
        raise Unavailable("the database", retry_after_s=2) from lost
    return Database(pool)


async def connect(url: str) -> Connection:
    """Open one connection outside a pool, to the host of the URL that accepts writes."""
    return await Hosts(url).connect()


def assert_no_transaction() -> None:
    """Called before anything outside is asked: a 30 s answer must not hold a transaction open."""
    assert _open_transactions.get() == 0, "an outside call was made inside a transaction"

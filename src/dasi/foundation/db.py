"""PostgreSQL: the pool, transactions, and the classes of its errors.

No session state lives on a pooled connection (`SET LOCAL` only), so the pool's reset query is
switched off and a transaction pooler may stand in between. While a transaction is open
no request may go outside: every function that sends one calls `assert_no_transaction`.

The certificate of a server on another machine is verified, unless the URL has an `sslmode`.
PostgreSQL's own default, `prefer`, sends rows to any server that answers.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from dasi.foundation.batching import Batcher
from dasi.foundation.errors import Unavailable

Connection: TypeAlias = asyncpg.Connection
Row: TypeAlias = asyncpg.Record
Item = TypeVar("Item")
Result = TypeVar("Result")

_MAX_CONCURRENT_BATCHES = 1
"""Of one kind, in one process. Later calls make the next batch larger, which costs less than a
second concurrent one (at 32 clients: 140 µs of PostgreSQL less a charge)."""
_NOTIFY_INTERVAL_S = 0.02
_HOUSEKEEPING_LOCK_MS, _HOUSEKEEPING_STATEMENT_MS = 100, 2_000
_STATEMENTS_PREPARED = 100
"""On each connection; a process knows a few dozen."""

_open_transactions: ContextVar[int] = ContextVar("open_transactions", default=0)

# After these the server may or may not have done what was asked: look it up before repeating.
CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    # The one we are connected to was the primary until a moment ago.
    asyncpg.ReadOnlySQLTransactionError,
    # The database is closed to connections, or renamed, while an operator restores it.
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InvalidCatalogNameError,
    # Refused, reset, timed out, TLS; and the socket's file, gone with the server of this machine.
    OSError,
)


class Database:
    """One pool. Verbs take a `Database` and open their own transactions."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
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
        except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError) as busy:
            raise Unavailable("housekeeping", retry_after_s=60) from busy

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A read-only transaction whose statements all see one state of the database."""
        async with self._transaction(isolation="repeatable_read", readonly=True) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, **options: Any) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire() as connection:
                mark = _open_transactions.set(_open_transactions.get() + 1)
                try:
                    async with connection.transaction(**options):
                        yield connection
                finally:
                    _open_transactions.reset(mark)
        except CONNECTION_LOST as lost:
            raise Unavailable("the database", retry_after_s=2) from lost

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """One statement, its own transaction, all rows."""
        try:
            return list(await self._pool.fetch(sql, *values))
        except CONNECTION_LOST as lost:
            raise Unavailable("the database", retry_after_s=2) from lost

    async def fetchrow(self, sql: str, *values: Any) -> Row | None:
        """One statement, its own transaction, the first row or None."""
        try:
            row: Row | None = await self._pool.fetchrow(sql, *values)
        except CONNECTION_LOST as lost:
            raise Unavailable("the database", retry_after_s=2) from lost
        return row

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

            batcher = self._batchers[act] = Batcher(for_all, max_concurrent=_MAX_CONCURRENT_BATCHES)
        result: Result = await batcher.submit(item)
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
                await self._pool.execute("SELECT pg_notify($1, '')", channel)
            except (asyncpg.PostgresError, *CONNECTION_LOST):
                return
            await asyncio.sleep(_NOTIFY_INTERVAL_S)
            if channel not in self._renotify:
                return

    async def close(self) -> None:
        for notifying in [*self._notify_tasks.values()]:
            notifying.cancel()
        for batcher in self._batchers.values():
            await batcher.close()
        await self._pool.close()


async def open_database(
    url: str,
    *,
    connections_max: int,
    statement_timeout_s: float,
    has_pooler: bool = False,
    check_connection: Callable[[Connection], Awaitable[None]] | None = None,
) -> Database:
    """Open the pool. `Unavailable` if the server does not answer.

    `has_pooler`: a transaction pooler stands in between, so no connection is ours for longer than a
    transaction, and a statement that was prepared by name would be looked for on another one.
    `check_connection` runs on each new connection before it is used.
    """
    try:
        pool = await asyncpg.create_pool(
            **connect_options(url),
            min_size=1,
            max_size=connections_max,
            command_timeout=statement_timeout_s,
            statement_cache_size=0 if has_pooler else _STATEMENTS_PREPARED,
            reset=_no_reset,
            init=check_connection,
        )
    except CONNECTION_LOST as lost:
        raise Unavailable("the database", retry_after_s=2) from lost
    return Database(pool)


async def connect(url: str) -> Connection:
    """Open one connection outside the pool."""
    return await asyncpg.connect(**connect_options(url))


def connect_options(url: str) -> dict[str, Any]:
    """Return asyncpg's `dsn` and `ssl`. Without an `sslmode`, a remote server is verified.

    Its certificate must be for its host and from the CA of `sslrootcert`, or from one that this
    machine trusts if there is none or it is `system`.
    """
    query = _query(url)
    mode = _explicit_mode(query) or ("verify-full" if _is_remote(url) else None)
    if mode == "verify-full" and (query.get("sslrootcert") == "system" or not _has_root(query)):
        context = ssl.create_default_context()
        if query.get("sslcert"):
            context.load_cert_chain(
                query["sslcert"], query.get("sslkey"), lambda: query.get("sslpassword", "")
            )
        return {"dsn": url, "ssl": context}
    return {"dsn": url, "ssl": mode}


def unverified_sslmode(url: str) -> str | None:
    """Return the `sslmode` of a URL that reaches a remote server without verifying it, or None."""
    query = _query(url)
    mode = _explicit_mode(query)
    if not _is_remote(url) or mode in (None, "verify-ca", "verify-full"):
        return None
    return None if mode == "require" and _has_root(query) else mode


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _explicit_mode(query: dict[str, str]) -> str | None:
    return query.get("sslmode") or os.environ.get("PGSSLMODE") or None


def _has_root(query: dict[str, str]) -> bool:
    root = query.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    return bool(root) or Path("~/.postgresql/root.crt").expanduser().exists()


def _is_remote(url: str) -> bool:
    """Return whether a host of the URL may be another machine. None at all is a local socket."""
    netloc = urlsplit(url).netloc
    hosts = netloc.partition("@")[2] if "@" in netloc else netloc
    hosts = hosts or _query(url).get("host", "") or os.environ.get("PGHOST", "")
    return any(not _is_local(unquote(host)) for host in hosts.split(",") if host)


def _is_local(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if host.startswith("/") or name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def assert_no_transaction() -> None:
    """Called before anything outside is asked: a 30 s answer must not hold a transaction open."""
    assert _open_transactions.get() == 0, "an outside call was made inside a transaction"


async def _no_reset(_connection: Connection) -> None:
    """Nothing to reset: no statement of ours leaves state on a connection."""

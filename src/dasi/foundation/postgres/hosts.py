"""The hosts of one URL: connect to the one that accepts writes.

asyncpg has one time-out for all hosts together, and a first host that hangs uses it up. So each
host is tried by itself, and the last good one first.
"""

import asyncio
import os
import re
from collections import deque
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from weakref import WeakKeyDictionary

import asyncpg

from dasi.foundation.postgres.connection import ServerConnection
from dasi.foundation.postgres.failures import CONNECTION_LOST
from dasi.foundation.postgres.tls import connect_options

HOST_TIMEOUT_S = 2.5
"""To connect to one host, its log-in included."""
PATIENCE_S = 0.8
"""How long a caller waits for a new connection. The attempt goes on for the next caller."""
_HOST = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d+))?")

Address = tuple[str | None, int | None]


class Hosts:
    """Connects to the hosts of a URL, and knows the open connections."""

    def __init__(self, url: str, **options: Any) -> None:
        """`options` are asyncpg's for each connection."""
        self._options = {**connect_options(url), **options}
        self._addresses = addresses(url)
        self._last_good = 0
        self._opened_at: WeakKeyDictionary[asyncpg.Connection, float] = WeakKeyDictionary()
        self._under_way: deque[asyncio.Future[asyncpg.Connection]] = deque()
        self.is_away = False
        """Whether the last attempt to connect failed or takes long."""

    async def connect(self) -> asyncpg.Connection:
        """Return a new connection to the first host that accepts writes.

        Raises an error of `CONNECTION_LOST` if there is none now.
        """
        errors: list[BaseException] = []
        count = len(self._addresses)
        for number in range(self._last_good, self._last_good + count):
            try:
                connection = await self._connect_to(self._addresses[number % count])
            except CONNECTION_LOST as error:
                errors.append(error)
                continue
            if number % count != self._last_good:
                # Only one host accepts writes: the one before was deposed, or does not answer.
                self._last_good = number % count
                self.drop_all(but=connection)
            self.is_away = False
            return connection
        self.is_away = True
        raise _most_telling(errors)

    async def connect_for_pool(self, *_args: Any, **_options: Any) -> asyncpg.Connection:
        """Return a new connection, or raise `TimeoutError` after `PATIENCE_S`.

        The attempt goes on, and the next caller gets its connection.
        """
        attempt = self._next_attempt()
        try:
            await asyncio.wait({attempt}, timeout=PATIENCE_S)
        except asyncio.CancelledError:
            self._under_way.append(attempt)  # also a finished one: its connection would be lost
            raise
        if attempt.done():
            return attempt.result()
        self._under_way.append(attempt)
        self.is_away = True
        raise TimeoutError("no server that accepts writes has answered yet")

    async def connect_to_each(self) -> list[asyncpg.Connection]:
        """Return a new connection to each host that accepts writes, which is one but for a split.

        Unlike `connect` it does not stop at the first one.
        """
        attempts = (self._connect_to(address) for address in self._addresses)
        results = await asyncio.gather(*attempts, return_exceptions=True)
        return [result for result in results if not isinstance(result, BaseException)]

    def drop_all(self, *, but: asyncpg.Connection | None = None) -> None:
        """Cut every open connection: the server behind them is not the leader, or hangs."""
        self.is_away = but is None
        for connection in [*self._opened_at]:
            if connection is not but:
                connection.terminate()

    def drop_opened_before(self, moment: float) -> None:
        """Cut the connections that were opened before a moment of the loop's clock."""
        for connection, opened_at in [*self._opened_at.items()]:
            if opened_at < moment:
                connection.terminate()

    async def close(self) -> None:
        """End the attempts that are under way and cut the connections that no caller has taken."""
        for attempt in self._under_way:
            attempt.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._under_way.clear()
        self.drop_all()

    def offer(self, connection: asyncpg.Connection) -> None:
        """Give an open connection to the next caller of `connect_for_pool`."""
        attempt = asyncio.get_running_loop().create_future()
        attempt.set_result(connection)
        self._under_way.append(attempt)

    def _next_attempt(self) -> asyncio.Future[asyncpg.Connection]:
        """Return an attempt that an earlier caller left, or a new one."""
        while self._under_way:
            attempt = self._under_way.popleft()
            has_failed = attempt.done() and attempt.exception() is not None
            if not has_failed and not (attempt.done() and attempt.result().is_closed()):
                return attempt
        return asyncio.get_running_loop().create_task(self.connect())

    async def _connect_to(self, address: Address) -> asyncpg.Connection:
        host, port = address
        where = {} if host is None else {"host": host, "port": port}
        connection = await asyncpg.connect(
            **self._options,
            **where,
            timeout=HOST_TIMEOUT_S,
            connection_class=ServerConnection,
            # From PostgreSQL 14 on the server names this at log-in, and nothing is asked.
            target_session_attrs="read-write",
        )
        self._opened_at[connection] = asyncio.get_running_loop().time()
        return connection


def addresses(url: str) -> tuple[Address, ...]:
    """Return the hosts of a URL with their ports, in order. (None, None): asyncpg's own default."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    in_query = query.get("host") or os.environ.get("PGHOST", "")
    hosts = _listed(unquote(parts.netloc.rpartition("@")[2])) or _listed(in_query)
    ports = [int(port) for port in _listed(query.get("port") or os.environ.get("PGPORT", ""))]
    return tuple(
        _address(host, ports[min(number, len(ports) - 1)] if ports else None)
        for number, host in enumerate(hosts)
    ) or ((None, None),)


def _listed(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _address(text: str, port: int | None) -> Address:
    if text.startswith("/"):
        return text, port
    match = _HOST.fullmatch(text)
    assert match is not None, "asyncpg refuses the URL with its own words"
    return match["host"].strip("[]"), int(match["port"]) if match["port"] else port


def _most_telling(errors: list[BaseException]) -> BaseException:
    """Return the error of the host that is nearest to being the leader."""
    vague = (asyncpg.TargetServerAttributeNotMatched, TimeoutError)
    return next((error for error in errors if not isinstance(error, vague)), errors[0])

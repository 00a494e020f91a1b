"""Kept connections to one host. One request takes one; nothing is repeated or redirected.

A kept connection is used if it has nothing to read: no end and no stray bytes, in the kernel
either. A host that closes it in that very moment leaves the outcome unknown.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from socket import SOCK_STREAM
from urllib.parse import urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from dasi.providers.kicc.transport.http_connection import (
    Answer,
    Connection,
    NotSentError,
    describe,
)

_RESOLVE_AGAIN_S = 10
_HAPPY_EYEBALLS_DELAY_S = 0.25
"""RFC 8305: the next address is tried while the first does not answer."""


class HttpPool:
    """Connections to one host. The caller bounds the requests under way, and so the connections."""

    def __init__(
        self,
        url: str,
        *,
        content_type: str,
        connect_timeout_s: float,
        total_timeout_s: float,
        keep_s: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        """`tls` verifies the host; it is needed for https and for nothing else."""
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (80 if tls is None else 443)
        self._tls = tls
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        self._begin = f"POST {parts.path}".encode()
        self._head = (
            f" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: dasi\r\nAccept: application/json\r\n"
            f"Accept-Encoding: identity\r\nContent-Type: {content_type}\r\nContent-Length: "
        ).encode()
        self._connect_timeout_s = connect_timeout_s
        self._total_timeout_s = total_timeout_s
        self._keep_s = keep_s
        self._loop = asyncio.get_running_loop()
        self._open_connections: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._addresses: Sequence[AddrInfoType] = ()
        self._resolve_at = 0.0
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def post(self, path: str, body: bytes) -> Answer:
        """Send the request once. Raises `NotSentError` or `NoAnswerError`."""
        deadline = self._loop.time() + self._total_timeout_s
        request = b"%b%b%b%d\r\n\r\n%b" % (self._begin, path.encode(), self._head, len(body), body)
        connection = self._idle_connection() or await self._open(deadline)
        answered = connection.ask(request, deadline)
        try:
            return await answered
        finally:
            if connection.end_request():
                self._keep(connection)
            else:
                connection.abort()

    async def close(self) -> None:
        """Close all connections. Requests under way have no answer."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._idle.clear()
        if lost := [connection.lost for connection in self._open_connections]:
            for connection in tuple(self._open_connections):
                connection.abort()
            await asyncio.wait(lost)

    def _idle_connection(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()  # the newest, so that the others may go
            is_fresh = self._loop.time() - connection.idle_since < self._keep_s
            if is_fresh and connection.has_nothing_to_read():
                return connection
            connection.abort()
        return None

    def _keep(self, connection: Connection) -> None:
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self._keep_s, self._sweep)

    def _sweep(self) -> None:
        now = self._loop.time()
        while self._idle and now - self._idle[0].idle_since >= self._keep_s:
            self._idle.popleft().transport.close()
        oldest = self._idle[0].idle_since if self._idle else None
        self._sweeper = (
            None if oldest is None else self._loop.call_at(oldest + self._keep_s, self._sweep)
        )

    async def _open(self, deadline: float) -> Connection:
        """A new connection, with its TLS handshake."""
        timeout_s = min(self._connect_timeout_s, deadline - self._loop.time())
        try:
            async with asyncio.timeout(timeout_s):
                socket = await start_connection(
                    await self._resolved(), happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY_S
                )
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._open_connections),
                    sock=socket,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
        except (OSError, ValueError) as error:  # ValueError: a host name that cannot exist
            self._addresses = ()
            raise NotSentError(describe(error)) from error
        if self._is_closed:
            connection.abort()
            raise NotSentError("the client is closed")
        return connection

    async def _resolved(self) -> Sequence[AddrInfoType]:
        if not self._addresses or self._loop.time() >= self._resolve_at:
            self._addresses = await self._loop.getaddrinfo(self._host, self._port, type=SOCK_STREAM)
            self._resolve_at = self._loop.time() + _RESOLVE_AGAIN_S
        return self._addresses

"""Limit what one HTTP connection may hold: the time and size of a request's head, unread responses.

uvicorn has none of these limits. A client that sends half a head would keep its connection for
ever, and one header of any size would be kept in memory. A client that does not read would keep
its responses in memory.
"""

import asyncio
import resource
import select
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dasi.http.client_address import Network, is_in, network_of, parse_address

HEAD_S = 15.0
"""From the connection, or from the first byte of a later request, to the end of the head."""
KEEP_ALIVE_S = 75
"""nginx keeps an idle connection for 60 s. A server that closes first loses a request."""
URL_MAX_BYTES = 8 * 1024
HEAD_MAX_BYTES = 32 * 1024
PIPELINED_MAX = 16
"""Requests of one connection that wait for the one before. Each costs memory."""
WRITE_S = 60.0
"""From the moment that a client does not take a response to the moment that it took nearly all."""
UNREAD_MAX_BYTES = 64 * 1024 * 1024
"""Responses of one process that their clients do not take, in all."""
CONNECTIONS_MAX = 4_096
PER_ADDRESS_MAX = 1_024
_OTHER_FILES = 256
"""Open files beside connections of clients: the database, KICC, webhooks, logs."""
_FIRST_REQUEST_S = 1.0
"""While the server ends: from a connection that has sent nothing to its close."""
FLOW = "dasi.flow"
"""The scope's name of the connection's flow control: whether its client reads too slowly."""
_NOSNIFF = ("x-content-type-options", "nosniff")


@dataclass
class Connections:
    """The memory that all connections of one process may hold together."""

    limit: int = CONNECTIONS_MAX
    per_address: int = PER_ADDRESS_MAX
    proxies: Sequence[Network] = ()
    """Trusted proxies hold connections of many clients: only `limit` counts for them."""
    by_address: Counter[str] = field(default_factory=Counter)
    unread_bytes: int = 0
    is_closing: bool = False
    """Whether each connection ends after its next response: the process is about to end."""


class _Config(uvicorn.Config):
    def __init__(self, app: ASGIApp, *, counted: Connections, **options: Any) -> None:
        super().__init__(app, **options)
        self.counted = counted


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with limits on the head of a request and on connections.

    A head that is late, too long or whose URL is too long gets 408, 431 or 414, and the connection
    ends. A connection above the limit of the process or of its address is closed at once. One whose
    client does not take a response ends after `write_s`, or at once if all such responses have
    `UNREAD_MAX_BYTES`.
    """

    head_s = HEAD_S
    write_s = WRITE_S
    unread_max_bytes = UNREAD_MAX_BYTES

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        assert isinstance(self.config, _Config), "made by server_config"
        self._counted = self.config.counted
        self._address: str | None = None
        self._unread_bytes = 0
        self._write_deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._reads_head = True
        self._is_refused = False
        self._head_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        if len(self.connections) > self._counted.limit or not self._count_address():
            self._is_refused = True
            transport.abort()
            return
        _end_when_stalled(transport, self.write_s)
        self._start_head_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_deadline()
        self._stop_write_deadline()
        if self._address is not None:
            self._counted.by_address[self._address] -= 1
            if not self._counted.by_address[self._address]:
                del self._counted.by_address[self._address]
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._counted.unread_bytes += self._unread_bytes
        if self._counted.unread_bytes > self.unread_max_bytes:
            self.transport.abort()
            return
        self._write_deadline = self.loop.call_later(self.write_s, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_write_deadline()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._reads_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._reads_head and self._head_bytes > HEAD_MAX_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[FLOW] = self.flow  # type: ignore[literal-required]  # of our own
        self._reads_head = True
        if self._head_deadline is None:
            self._start_head_deadline()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_MAX_BYTES:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_headers_complete(self) -> None:
        self._stop_head_deadline()
        self._reads_head, self._head_bytes = False, 0
        if sum(len(name) + len(value) for name, value in self.headers) > HEAD_MAX_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if len(self.pipeline) >= PIPELINED_MAX:
            self._is_refused = True
            self.transport.abort()
        if not self._is_refused:
            super().on_headers_complete()
            self.close_after_response()

    def close_after_response(self) -> None:
        """End the connection with the response to its newest request, if all of them end."""
        if self._counted.is_closing and self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """End the connection at once if it is idle, else after its response.

        One whose request has begun to arrive is not idle, and neither is one that has just been
        opened for a request.
        """
        if self.cycle is None and not self._head_bytes:
            self.loop.call_later(_FIRST_REQUEST_S, self._close_if_idle)
        else:
            self._close_if_idle()

    def _close_if_idle(self) -> None:
        arrives = self._reads_head and (self.cycle is not None or self._head_bytes > 0)
        if not arrives and not _has_unread_bytes(self.transport):
            super().shutdown()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_refused:
            super().on_message_complete()

    def _count_address(self) -> bool:
        """Count the connection to its address. False: the address has its limit already."""
        peer = parse_address(self.client[0]) if self.client else None
        if peer is None or is_in(peer, self._counted.proxies):
            return True
        address = network_of(peer)
        if self._counted.by_address[address] >= self._counted.per_address:
            return False
        self._address = address
        self._counted.by_address[address] += 1
        return True

    def _stop_write_deadline(self) -> None:
        self._counted.unread_bytes -= self._unread_bytes
        self._unread_bytes = 0
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def _start_head_deadline(self) -> None:
        self._head_deadline = self.loop.call_later(
            self.head_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT
        )

    def _stop_head_deadline(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer and close. The client may still send; nothing of it is read any more."""
        if self._is_refused:
            return
        self._is_refused = True
        self._stop_head_deadline()
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "content-length: 0\r\nx-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n".encode()
        )
        self.transport.close()


def server_config(
    app: ASGIApp,
    *,
    keep_alive_s: int = KEEP_ALIVE_S,
    connections: Connections | None = None,
    **options: Any,
) -> uvicorn.Config:
    """Return uvicorn's configuration with the limits of this module. No WebSockets."""
    return _Config(
        app,
        counted=connections or Connections(),
        http=LimitedProtocol,
        ws="none",
        timeout_keep_alive=keep_alive_s,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        headers=[_NOSNIFF],  # of every response, also of those that uvicorn makes itself
        **options,
    )


def connections_allowed() -> int:
    """Raise this process's limit of open files as far as it may, and return how many connections.

    Above the limit `accept` fails, for every client.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(1, min(CONNECTIONS_MAX, hard - _OTHER_FILES))


def _end_when_stalled(transport: asyncio.Transport, seconds: float) -> None:
    """Let the kernel end the connection when its client takes nothing for `seconds` (Linux)."""
    connected = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
        connected.setsockopt(socket.IPPROTO_TCP, option, round(seconds * 1000))


def _has_unread_bytes(transport: asyncio.Transport) -> bool:
    """Return whether the kernel holds bytes of the client that the process has not read yet."""
    if transport.is_closing():
        return False
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))

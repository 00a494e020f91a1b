"""Limit what one HTTP connection may hold: the time and the size of a request's head.

uvicorn has neither limit. A client that sends half a head would keep its connection for ever, and
one header of any size would be kept in memory.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 15.0
"""From the connection, or from the first byte of a later request, to the end of the head."""
KEEP_ALIVE_S = 75
"""nginx keeps an idle connection for 60 s. A server that closes first loses a request."""
URL_MAX_BYTES = 8 * 1024
HEAD_MAX_BYTES = 32 * 1024
CONNECTIONS_MAX = 4_096


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with limits on the head of a request and on connections.

    A head that is late, too long or whose URL is too long gets 408, 431 or 414, and the connection
    ends. A connection above `CONNECTIONS_MAX` of one process is closed at once.
    """

    head_s = HEAD_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._reads_head = True
        self._is_refused = False
        self._head_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            self._is_refused = True
            transport.abort()
            return
        self._start_head_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_deadline()
        super().connection_lost(exc)

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
        if not self._is_refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_refused:
            super().on_message_complete()

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
            "content-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        self.transport.close()


def server_config(
    app: ASGIApp, *, keep_alive_s: int = KEEP_ALIVE_S, **options: Any
) -> uvicorn.Config:
    """Return uvicorn's configuration with the limits of this module. No WebSockets."""
    return uvicorn.Config(
        app,
        http=LimitedProtocol,
        ws="none",
        timeout_keep_alive=keep_alive_s,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        **options,
    )

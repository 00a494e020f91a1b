"""A connection that notices a peer that is gone, and closes in bounded time."""

import os
import socket
from contextlib import suppress
from typing import Any

import asyncpg

CLOSE_S = 2.0
_IDLE_S, _INTERVAL_S, _PROBES = 5, 3, 3
"""An idle connection to a machine that is gone ends after 14 s; PostgreSQL's default is 2 hours."""
_UNACKNOWLEDGED_MS = 10_000
"""Sent bytes without an acknowledgement end a connection; Linux's default is 15 minutes."""


class ServerConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """`asyncpg.Connection` with TCP keep-alive and a limit on closing."""

    __slots__ = ()

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        _keep_alive(transport.get_extra_info("socket"))

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncpg's
        """Close politely, or cut the connection if the server does not answer."""
        with suppress(TimeoutError):
            await super().close(timeout=CLOSE_S if timeout is None else timeout)


def _keep_alive(transport_socket: Any) -> None:
    if transport_socket is None or transport_socket.family not in (
        socket.AF_INET,
        socket.AF_INET6,
    ):
        return
    # A transport's socket may refuse options. They belong to the open file, so a copy sets them.
    with socket.socket(fileno=os.dup(transport_socket.fileno())) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            ("TCP_KEEPIDLE", _IDLE_S),
            ("TCP_KEEPINTVL", _INTERVAL_S),
            ("TCP_KEEPCNT", _PROBES),
            ("TCP_USER_TIMEOUT", _UNACKNOWLEDGED_MS),
        ):
            if hasattr(socket, option):
                copy.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

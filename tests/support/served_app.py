"""Serve an ASGI application on a free port of this machine until a block ends."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from dasi.http.connection_limits import Connections, server_config

_SHUTDOWN_PATIENCE_S = 1


@asynccontextmanager
async def served(
    make_app: ASGIApp,
    listening: socket.socket | None = None,
    *,
    connections: Connections | None = None,
) -> AsyncIterator[str]:
    """Serve the app and yield its URL. It runs in the test's loop, so a test may inspect it."""
    listening = listening or free_socket()
    config = server_config(make_app, connections=connections, lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    server.server_state.default_headers = config.encoded_headers  # as the loop of `serve` does
    try:
        yield address_of(listening)
    finally:
        await _shut_down(server, listening)


async def _shut_down(server: uvicorn.Server, listening: socket.socket) -> None:
    """Do as uvicorn does, which waits at least 0.1 s: too long for the end of each test."""
    for listener in server.servers:
        listener.close()
    listening.close()
    state = server.server_state
    for connection in list(state.connections):
        connection.shutdown()
    with suppress(TimeoutError):
        async with asyncio.timeout(_SHUTDOWN_PATIENCE_S):
            while state.connections or state.tasks:  # noqa: ASYNC110  # theirs: no event
                await asyncio.sleep(0)
    for task in state.tasks:
        task.cancel()


def free_socket() -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    return listening


def address_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"

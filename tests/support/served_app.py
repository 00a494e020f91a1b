"""Serve an ASGI application on a free port of this machine until a block ends."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from dasi.http.connection_limits import Connections, server_config


@asynccontextmanager
async def served(
    make_app: ASGIApp,
    listening: socket.socket | None = None,
    *,
    connections: Connections | None = None,
) -> AsyncIterator[str]:
    """Serve the app and yield its URL. It runs in the test's loop, so a test may inspect it."""
    listening = listening or free_socket()
    config = server_config(
        make_app, connections=connections, lifespan="off", timeout_graceful_shutdown=1
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    server.server_state.default_headers = config.encoded_headers  # as the loop of `serve` does
    try:
        yield address_of(listening)
    finally:
        server.should_exit = True
        await server.shutdown(sockets=[listening])


def free_socket() -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    return listening


def address_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"

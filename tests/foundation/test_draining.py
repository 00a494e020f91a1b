"""A server that ends answers every request that has begun to arrive, and resets no connection."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from dasi.http.connection_limits import Connections, server_config
from dasi.http.draining import DrainingServer, refuse_new_connections
from support.served_app import free_socket

HEAD = b"GET / HTTP/1.1\r\nHost: shop\r\n"


@dataclass
class Draining:
    server: DrainingServer
    port: int

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def end(self) -> None:
        """Let the server stop accepting, and end all connections that are idle."""
        await self.server.drain(pause_s=0, urgent=asyncio.Event())
        await self.until_closed()

    async def until_closed(self) -> None:
        """Wait until the socket is closed here; there is no event for it."""
        while self.server.servers[0].is_serving():  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0)

    def hand_over(self, stop: asyncio.Event) -> asyncio.Task[None]:
        return asyncio.create_task(self.server.hand_over(patience_s=60, stop=stop))


@asynccontextmanager
async def draining_server() -> AsyncIterator[Draining]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("ok")(scope, receive, send)

    listener, started = free_socket(), asyncio.Event()
    connections = Connections()
    config = server_config(app, connections=connections, lifespan="off")
    server = DrainingServer(config, listener, connections=connections, on_ready=started.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await started.wait()
    try:
        yield Draining(server, listener.getsockname()[1])
    finally:
        server.should_exit = True
        await serving


async def test_a_request_that_begins_to_arrive_is_answered_and_ends_its_connection():
    async with draining_server() as draining:
        reader, writer = await draining.connect()
        kept_reader, kept_writer = await draining.connect()
        kept_writer.write(HEAD + b"\r\n")
        assert b"connection: close" not in await kept_reader.readuntil(b"ok")
        for each in (writer, kept_writer):  # a first request, and one on a kept connection
            each.write(HEAD)
            await each.drain()
        await asyncio.sleep(0)

        await draining.end()

        for reading, writing in ((reader, writer), (kept_reader, kept_writer)):
            writing.write(b"\r\n")
            answer = await reading.read()
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"connection: close" in answer
            writing.close()


async def test_a_connection_that_was_just_opened_may_send_its_request():
    async with draining_server() as draining:
        reader, writer = await draining.connect()
        await draining.end()
        writer.write(HEAD + b"\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_idle_connections_stay_during_a_handover_until_they_are_used():
    async with draining_server() as draining:
        stop = asyncio.Event()
        reader, writer = await draining.connect()
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b"ok")

        ending = draining.hand_over(stop)
        await draining.until_closed()
        assert not draining.server.is_draining, "its successor is ready at the same address"
        with pytest.raises(ConnectionRefusedError):
            await draining.connect()  # the test has no successor
        assert not ending.done()

        writer.write(HEAD + b"\r\n")
        assert b"connection: close" in await reader.read()
        await ending
        writer.close()


async def test_a_socket_that_is_about_to_close_answers_no_syn_and_resets_nothing():
    loop = asyncio.get_running_loop()
    with free_socket() as listener, socket.socket() as early, socket.socket() as late:
        listener.listen()
        address = listener.getsockname()
        early.connect(address)
        refuse_new_connections(listener)
        late.setblocking(False)
        connecting = asyncio.create_task(loop.sock_connect(late, address))
        await asyncio.sleep(0)  # its SYN is sent
        accepted, _ = listener.accept()
        early.sendall(b"POST")
        assert accepted.recv(4) == b"POST", "the queue is served"
        accepted.close()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()

        listener.close()

        # The kernel sends the SYN again after a second, and a proxy then asks the next server.
        with pytest.raises(ConnectionRefusedError):
            await connecting


def test_the_filter_is_left_out_where_the_kernel_refuses_it():
    with contextlib.closing(free_socket()) as listener:
        listener.close()
        refuse_new_connections(listener)

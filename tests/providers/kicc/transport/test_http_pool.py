"""Connections are kept while they are whole, bounded in number, and closed when idle."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from socket import AF_INET, SHUT_WR, SOCK_STREAM, socket

import pytest

from dasi.providers.kicc.transport.http_connection import Answer, NoAnswerError, NotSentError
from dasi.providers.kicc.transport.http_pool import HttpPool
from support.raw_host import RawConnection, raw_host

MakePool = Callable[..., HttpPool]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def answer_all(connection: RawConnection) -> None:
    while True:
        await connection.request()
        connection.send(OK)


async def test_request_is_written_as_http(pool_at: MakePool) -> None:
    async with raw_host(answer_all) as host:
        answer = await pool_at(f"{host.url}/base%20path").post("/api/trades", b'{"a":1}')
    assert answer == Answer(200, b"{}")
    assert host.requests[0].decode().split("\r\n") == [
        "POST /base%20path/api/trades HTTP/1.1",
        f"Host: {host.url.removeprefix('http://')}",
        "User-Agent: dasi",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        "Content-Length: 7",
        "",
        '{"a":1}',
    ]


async def test_connections_are_reused(pool_at: MakePool) -> None:
    async with raw_host(answer_all) as host:
        pool = pool_at(host.url)
        for _ in range(3):
            await asyncio.gather(*(pool.post("/", b"{}") for _ in range(8)))
        assert host.connections == 8
        assert len(host.requests) == 24


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_connection_that_the_host_ends_is_not_kept(
    pool_at: MakePool, response: bytes
) -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.request()
        connection.send(response)
        await connection.end()

    async with raw_host(answer) as host:
        pool = pool_at(host.url)
        assert [await pool.post("/", b"{}") for _ in range(2)] == [Answer(200, b"{}")] * 2
        assert host.connections == 2


async def test_body_may_end_with_the_connection(pool_at: MakePool) -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n{}")

    async with raw_host(answer) as host:
        assert await pool_at(host.url).post("/", b"{}") == Answer(200, b"{}")


@pytest.mark.parametrize("status", [204, 302, 503])
async def test_any_status_is_an_answer_and_no_redirect_is_followed(
    pool_at: MakePool, status: int
) -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.request()
        connection.send(
            f"HTTP/1.1 {status} X\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await connection.end()

    async with raw_host(answer) as host:
        assert await pool_at(host.url).post("/", b"{}") == Answer(status, b"")
        assert len(host.requests) == 1


@pytest.mark.parametrize("last_bytes", [b"", OK])
async def test_kept_connection_with_something_to_read_is_not_written_to(
    pool_at: MakePool, last_bytes: bytes
) -> None:
    """The far side's end, or its stray bytes, are in the kernel and the loop has not seen them."""
    loop = asyncio.get_running_loop()
    with socket(AF_INET, SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        pool = pool_at(f"http://127.0.0.1:{listening.getsockname()[1]}")
        accepted = loop.run_in_executor(None, _accept_and_answer, listening)
        await pool.post("/", b"{}")
        first = await accepted

        accepted = loop.run_in_executor(None, _accept_and_answer, listening)
        if last_bytes:
            first.sendall(last_bytes)
        else:
            first.shutdown(SHUT_WR)
        assert await pool.post("/", b"{}") == Answer(200, b"{}")  # without a turn of the loop
        with suppress(ConnectionResetError), first:
            assert first.recv(9) == b"", "nothing was written to the first"
        (await accepted).close()


def _accept_and_answer(listening: socket) -> socket:
    connection, _ = listening.accept()
    while not connection.recv(4096).endswith(b"{}"):
        pass
    connection.sendall(OK)
    return connection


async def test_idle_connection_is_closed(pool_at: MakePool) -> None:
    ended = asyncio.Event()

    async def answer_and_wait(connection: RawConnection) -> None:
        await connection.request()
        connection.send(OK)
        await connection.end()
        ended.set()

    async with raw_host(answer_and_wait) as host:
        pool = pool_at(host.url, keep_s=0.02)
        await pool.post("/", b"{}")
        async with asyncio.timeout(5):
            await ended.wait()
        await pool.post("/", b"{}")
        assert host.connections == 2


async def test_cancelled_request_closes_its_connection(pool_at: MakePool) -> None:
    received, ended = asyncio.Event(), asyncio.Event()

    async def say_nothing(connection: RawConnection) -> None:
        await connection.request()
        received.set()
        await connection.end()
        ended.set()

    async with raw_host(say_nothing, answer_all) as host:
        pool = pool_at(host.url)
        post = asyncio.create_task(pool.post("/", b"{}"))
        await received.wait()
        post.cancel()
        with pytest.raises(asyncio.CancelledError):
            await post
        async with asyncio.timeout(5):
            await ended.wait()
        assert await pool.post("/", b"{}") == Answer(200, b"{}")
        assert host.connections == 2


async def test_close_ends_requests_under_way_and_connections(pool_at: MakePool) -> None:
    received, ended = asyncio.Event(), asyncio.Event()

    async def say_nothing(connection: RawConnection) -> None:
        await connection.request()
        received.set()
        await connection.end()
        ended.set()

    async with raw_host(say_nothing) as host:
        pool = pool_at(host.url)
        post = asyncio.create_task(pool.post("/", b"{}"))
        await received.wait()
        await pool.close()
        with pytest.raises(NoAnswerError):
            await post
        async with asyncio.timeout(5):
            await ended.wait()
        with pytest.raises(NotSentError):
            await pool.post("/", b"{}")
        assert len(host.requests) == 1


async def test_unreachable_host_is_not_sent(pool_at: MakePool) -> None:
    with socket(AF_INET, SOCK_STREAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://kicc.invalid", f"http://{'a' * 70}.invalid"):
        with pytest.raises(NotSentError):
            await pool_at(url).post("/", b"{}")

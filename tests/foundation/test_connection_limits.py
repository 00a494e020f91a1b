"""A client that sends slowly or too much occupies its own connection and nothing else."""

import asyncio
import resource
import subprocess
import sys
import time
from contextlib import AsyncExitStack, suppress

import pytest
from starlette.responses import PlainTextResponse

from dasi.http.admission import Admission
from dasi.http.client_address import parse_networks
from dasi.http.connection_limits import (
    CONNECTIONS_MAX,
    HEAD_MAX_BYTES,
    PIPELINED_MAX,
    URL_MAX_BYTES,
    Connections,
    LimitedProtocol,
)
from support.gateway_merchant import running_gateway
from support.served_app import served
from support.simulator_process import SimulatorControl

SLOW_CLIENTS = 320
BODY = b'{"imp_key": "k", "imp_secret": "s"}'
HEAD = (
    b"POST /users/getToken HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n"
)


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def answer_to(url: str, *parts: bytes) -> bytes:
    """The status line of the answer to raw bytes, empty when the connection just ends."""
    reader, writer = await connect(url)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(10):
            return (await reader.readline()).strip()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.fixture
async def gateway_url(database_url: str, kicc: SimulatorControl):
    async with running_gateway(database_url, kicc, DASI_MAX_CONCURRENT_REQUESTS="8") as client:
        yield client.url


@pytest.mark.parametrize("sent", ["nothing", "half a head", "half a body"])
async def test_slow_clients_do_not_keep_others_out(gateway_url: str, sent: str):
    start = {
        "nothing": b"",
        "half a head": HEAD % len(BODY),
        "half a body": HEAD % len(BODY) + b"\r\n" + BODY[:5],
    }[sent]
    async with AsyncExitStack() as connections:
        for _ in range(SLOW_CLIENTS):
            _reader, writer = await connect(gateway_url)
            connections.callback(writer.close)
            writer.write(start)
            await writer.drain()
        took_s = []
        for _ in range(20):
            began = time.monotonic()
            status = await answer_to(gateway_url, HEAD % len(BODY), b"\r\n", BODY)
            took_s.append(time.monotonic() - began)
            assert status == b"HTTP/1.1 401 Unauthorized"
        assert max(took_s) < 1


async def test_head_that_does_not_end_in_time_is_answered_408(
    gateway_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(LimitedProtocol, "head_s", 0.1)
    assert await answer_to(gateway_url, b"GET /he") == b"HTTP/1.1 408 Request Timeout"


async def test_second_head_of_a_connection_has_a_deadline_too(
    gateway_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(LimitedProtocol, "head_s", 0.2)
    reader, writer = await connect(gateway_url)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.write(b"GET /he")
    async with asyncio.timeout(10):
        rest = await reader.read()
    assert b"HTTP/1.1 408 Request Timeout" in rest
    writer.close()


async def test_body_that_does_not_end_in_time_is_answered_408(
    gateway_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Admission, "body_s", 0.1)
    status = await answer_to(gateway_url, HEAD % len(BODY), b"\r\n", BODY[:5])
    assert status == b"HTTP/1.1 408 Request Timeout"


async def test_long_url_is_answered_414(gateway_url: str):
    url = b"a" * (URL_MAX_BYTES + 1)
    assert (
        await answer_to(gateway_url, b"GET /" + url + b" HTTP/1.1\r\n")
        == b"HTTP/1.1 414 Request-URI Too Long"
    )


@pytest.mark.parametrize("is_complete", [True, False])
async def test_long_head_is_answered_431(gateway_url: str, is_complete: bool):
    head = b"GET /health/live HTTP/1.1\r\nHost: gateway\r\nX-Long: " + b"a" * HEAD_MAX_BYTES
    status = await answer_to(gateway_url, head + (b"\r\n\r\n" if is_complete else b"a"))
    assert status == b"HTTP/1.1 431 Request Header Fields Too Large"


@pytest.mark.parametrize(
    ("connections", "is_open"),
    [
        (Connections(limit=1), False),
        (Connections(per_address=1), False),
        (Connections(per_address=1, proxies=parse_networks("127.0.0.1")), True),
    ],
)
async def test_connection_above_a_limit_is_closed_at_once(connections: Connections, is_open: bool):
    app = PlainTextResponse("ok")
    async with served(app, connections=connections) as url:
        _reader, first = await connect(url)
        status = await answer_to(url, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert status == (b"HTTP/1.1 200 OK" if is_open else b"")
        first.close()
        for _ in range(100):
            if await answer_to(url, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"):
                break
        assert not connections.by_address or connections.proxies == ()


async def test_connection_with_many_pipelined_requests_is_closed(
    gateway_url: str,
):
    reader, writer = await connect(gateway_url)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n" * 1_000)
    with suppress(ConnectionError):
        answers = await asyncio.wait_for(reader.read(), 10)
        assert answers.count(b"HTTP/1.1 200") < PIPELINED_MAX + 2
    writer.close()


def test_limit_of_open_files_is_raised_to_what_is_allowed():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}));"
        "from dasi.http.connection_limits import connections_allowed;"
        "print(connections_allowed(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )

    def allowed(hard: int) -> list[int]:
        ran = subprocess.run(
            [sys.executable, "-c", code.format(hard=hard)],
            capture_output=True,
            check=True,
            text=True,
        )
        return [int(number) for number in ran.stdout.split()]

    hard = min(limits[1], 8_192)
    assert allowed(hard) == [CONNECTIONS_MAX, hard, hard]
    assert allowed(1_024) == [768, 1_024, 1_024]

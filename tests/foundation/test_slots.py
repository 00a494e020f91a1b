"""Long polls and slow readers hold no slot, and one merchant never holds them all."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from dasi.http.connection_limits import PIPELINED_MAX, Connections, LimitedProtocol
from dasi.http.slots import LONG_POLLS_PER_MERCHANT_MAX
from support.gateway_merchant import MerchantClient, open_merchant, running_gateway
from support.served_app import served
from support.simulator_process import SimulatorControl

SLOTS = 32


@pytest.fixture
async def merchants(
    database_url: str, kicc: SimulatorControl
) -> AsyncIterator[tuple[MerchantClient, MerchantClient]]:
    """Two merchants of one gateway with few slots, each with its access token."""
    async with (
        running_gateway(database_url, kicc, DASI_MAX_CONCURRENT_REQUESTS=str(SLOTS)) as first,
        open_merchant(first.engine, first.url, kicc, code="imp00000002") as second,
    ):
        await first.token()
        await second.token()
        yield first, second


async def poll(client: MerchantClient, *, wait_s: int = 20) -> int:
    headers = {"Authorization": await client.token()}
    url = f"{client.url}/events?cursor=999999&wait={wait_s}"
    async with client.http.get(url, headers=headers) as answer:
        await answer.read()
        return answer.status


@asynccontextmanager
async def running(*works: asyncio.Task) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


async def as_many_polls_as_may_wait(client: MerchantClient) -> list[asyncio.Task]:
    polls = [asyncio.create_task(poll(client)) for _ in range(LONG_POLLS_PER_MERCHANT_MAX)]
    _, waiting = await asyncio.wait(polls, timeout=0.5)
    assert len(waiting) == LONG_POLLS_PER_MERCHANT_MAX
    return polls


async def test_long_polls_of_one_merchant_hold_no_slots(merchants):
    first, second = merchants
    polls = [asyncio.create_task(poll(first)) for _ in range(10 * SLOTS)]
    async with running(*polls):
        done, waiting = await asyncio.wait(polls, timeout=2)
        assert len(waiting) == LONG_POLLS_PER_MERCHANT_MAX
        assert {refused.result() for refused in done} <= {429, 503}
        for client in (first, second):
            began = time.monotonic()
            assert (await client.get("/users/pg")).code == 0
            assert time.monotonic() - began < 0.5


async def test_too_many_long_polls_are_refused_with_the_limit(merchants):
    first, second = merchants
    polls = await as_many_polls_as_may_wait(first)
    async with running(*polls):
        refused = await first.get("/events?cursor=999999&wait=20")
        assert (refused.http_status, refused.code) == (429, -1)
        assert str(LONG_POLLS_PER_MERCHANT_MAX) in refused.message
        assert (await first.get("/events?cursor=999999")).code == 0
        assert await poll(second, wait_s=1) == 200


async def test_long_poll_ends_when_its_client_leaves(merchants):
    first, _second = merchants
    polls = await as_many_polls_as_may_wait(first)
    async with running(*polls):
        polls[0].cancel()
        await asyncio.wait(polls[:1])
        began = time.monotonic()
        while await poll(first, wait_s=1) == 429:
            assert time.monotonic() - began < 5


async def test_long_poll_answers_with_the_event_that_it_waited_for(merchants):
    first, _second = merchants
    waiting = asyncio.create_task(first.get("/events?wait=20"))
    async with running(waiting):
        await first.register_card()
        async with asyncio.timeout(5):
            answer = await waiting
    assert [event["resource_id"][:4] for event in answer.response["events"]] == ["imp_"]


async def test_flood_of_one_merchant_leaves_slots_for_another(merchants):
    first, second = merchants
    await first.register_card("card-1")
    for _ in range(2 * SLOTS):
        await first.kicc.hold("batch", when="before")
    flood = [asyncio.create_task(first.again()) for _ in range(4 * SLOTS)]
    async with running(*flood):
        await first.kicc.wait_held(SLOTS * 7 // 8)
        await until_answered(flood, len(flood) - SLOTS * 7 // 8)
        took_s = []
        for _ in range(50):
            began = time.monotonic()
            assert (await second.get("/users/pg")).code == 0
            took_s.append(time.monotonic() - began)
        assert max(took_s) < 0.5
        await first.kicc.release()
        statuses = [answer.http_status for answer in await asyncio.gather(*flood)]
    assert statuses.count(200) == SLOTS * 7 // 8
    assert statuses.count(503) == len(flood) - SLOTS * 7 // 8


async def until_answered(flood: list[asyncio.Task], count: int) -> None:
    pending = set(flood)
    async with asyncio.timeout(10):
        while len(flood) - len(pending) < count:
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)


BIG = 8 * 1024 * 1024


@asynccontextmanager
async def big_responses() -> AsyncIterator[tuple[str, Connections]]:
    """A server whose every response has `BIG` bytes, and its connections."""

    async def app(_scope, _receive, send):
        length = (b"content-length", str(BIG).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": bytes(BIG)})

    connections = Connections()
    async with served(app, connections=connections) as url:
        yield url, connections


async def until_open(connections: Connections, *, least: int, most: int) -> None:
    """Wait until as many connections are open."""
    async with asyncio.timeout(10):
        while not least <= connections.by_address.total() <= most:  # noqa: ASYNC110 - a number
            await asyncio.sleep(0)


async def unread(url: str, request: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> socket.socket:
    """A connection that has sent a request and reads nothing of the response."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    host, port = url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, (host, int(port)))
    await loop.sock_sendall(connection, request)
    return connection


async def received(connection: socket.socket) -> int:
    """How many bytes arrive until the end of the connection, slower than they are sent."""
    loop, size = asyncio.get_running_loop(), 0
    with suppress(ConnectionError):
        while part := await loop.sock_recv(connection, 1 << 20):
            size += len(part)
    return size


async def test_client_that_does_not_read_is_disconnected(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LimitedProtocol, "write_s", 0.3)
    async with big_responses() as (url, connections), asyncio.timeout(10):
        with await unread(url) as connection:
            await until_open(connections, least=1, most=1)
            await until_open(connections, least=0, most=0)
            assert await received(connection) < BIG


async def test_unread_responses_are_bounded_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LimitedProtocol, "unread_max_bytes", 2 * BIG)
    async with big_responses() as (url, connections), AsyncExitStack() as ending:
        unread_ones = [ending.enter_context(await unread(url)) for _ in range(6)]
        await until_open(connections, least=1, most=3)
        complete = [await is_complete(connection) for connection in unread_ones]
        assert 1 <= sum(complete) <= 3, "the others were closed"


async def is_complete(connection: socket.socket) -> bool:
    """Whether the rest of a response arrives."""
    loop, size = asyncio.get_running_loop(), 0
    with suppress(ConnectionError):
        while size < BIG and (part := await loop.sock_recv(connection, 1 << 20)):
            size += len(part)
    return size >= BIG


async def test_client_that_does_not_read_holds_no_slot(merchants):
    """Its later requests cannot be answered before it reads the first response."""
    first, second = merchants
    request = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
    async with AsyncExitStack() as connections:
        for _ in range(2 * SLOTS):
            connections.enter_context(await unread(first.url, request * PIPELINED_MAX))
        for _ in range(30):
            began = time.monotonic()
            assert (await second.get("/users/pg")).code == 0
            assert time.monotonic() - began < 0.5

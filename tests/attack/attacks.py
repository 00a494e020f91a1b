"""The attacks: each function plays one and returns a `Result`. Add a new one to `ATTACKS`."""

import asyncio
import itertools
import random
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus

from attack.target import ADDRESS, Target, latency
from pg_notifications.test_limits import notification
from support.gateway_merchant import new_window

P99_MAX_MS = 3_000
"""Of a request that takes some ms alone. Attacker, gateway and database share the machine."""
MIB = 1024 * 1024
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Result:
    """One row of the table. `before` is the audit's number, measured without any limit."""

    attack: str
    before: str
    now: str
    bound: str
    is_held: bool


Attack = Callable[[Target], Awaitable[Result]]


async def _others(
    target: Target, attack: str, *, before: str, seconds: float, detail: str = ""
) -> Result:
    """Measure the victim during an attack that is under way."""
    during = await latency(target, target.seconds(seconds))
    return Result(
        attack,
        before,
        f"{during}{detail}",
        f"p99 {P99_MAX_MS} ms, none refused",
        during.p99_ms <= P99_MAX_MS and not during.refused,
    )


async def nothing(target: Target) -> Result:
    """The victim's requests without an attack."""
    return await _others(target, "none, for comparison", before="", seconds=3)


async def slow_heads(target: Target) -> Result:
    """320 connections that send half a head."""
    return await _slow(target, "320 half-sent heads", b"POST /users/getToken HTTP/1.1\r\nHost: a")


async def slow_bodies(target: Target) -> Result:
    """320 connections that send half a body."""
    head = b"POST /users/getToken HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    return await _slow(target, "320 half-sent bodies", head + b"Content-Length: 50\r\n\r\n{")


async def _slow(target: Target, attack: str, start: bytes) -> Result:
    async with AsyncExitStack() as connections:
        for _ in range(320):
            _reader, writer = await asyncio.open_connection(*target.host)
            connections.callback(writer.close)
            writer.write(start)
            await writer.drain()
        return await _others(target, attack, before="503 for everybody", seconds=5)


async def idle_connections(target: Target) -> Result:
    """1,500 connections of one address that send nothing."""
    async with AsyncExitStack() as connections:
        for _ in range(1_500):
            _reader, writer = await asyncio.open_connection(*target.host)
            connections.callback(writer.close)
        return await _others(
            target, "1,500 idle connections", before="one address could take all", seconds=3
        )


async def unread_responses(target: Target) -> Result:
    """300 connections that request large responses and read none."""
    request = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
    mib_before = target.resident_mib()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as connections:
        for _ in range(300):
            connection = connections.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setblocking(False)
            await loop.sock_connect(connection, target.host)
            await loop.sock_sendall(connection, request * 16)
        result = await _others(target, "", before="", seconds=3)
        grew_mib = target.resident_mib() - mib_before
    return Result(
        "300 clients that do not read",
        "no limit",
        f"{result.now}, {grew_mib:.0f} MiB more memory",
        f"{result.bound}, 256 MiB more",
        result.is_held and grew_mib < 256,
    )


async def long_polls(target: Target) -> Result:
    """256 long polls of one merchant."""
    headers = {"Authorization": await target.attacked.token()}

    async def poll() -> int:
        url = f"{target.attacked.url}/events?cursor=999999999&wait=25"
        async with target.attacked.http.get(url, headers=headers) as answer:
            return answer.status

    polls = [asyncio.create_task(poll()) for _ in range(256)]
    try:
        await asyncio.wait(polls, timeout=1)
        return await _others(
            target, "256 long polls of one merchant", before="503 for other merchants", seconds=5
        )
    finally:
        await _cancel(polls)


async def charge_flood(target: Target) -> Result:
    """One merchant sends 512 charges at once, and its PG does not answer."""
    await target.attacked.register_card("card-1")
    for _ in range(512):
        await target.attacked.kicc.hold("batch", when="before")
    charges = [asyncio.create_task(target.attacked.again()) for _ in range(512)]
    try:
        await target.attacked.kicc.wait_held(32)
        return await _others(
            target, "512 charges of one merchant at once", before="503 for other merchants",
            seconds=4,
        )  # fmt: skip
    finally:
        await target.attacked.kicc.reset()
        await _cancel(charges)


async def notification_flood(target: Target) -> Result:
    """Notifications of orders that do not exist, as fast as they go."""
    bytes_before = await target.bytes_kept()
    url = f"{target.victim.url}/pg-notifications/kicc"
    headers = {"Content-Type": "application/json", "X-Forwarded-For": ADDRESS}

    async def send(number: int) -> None:
        body = notification(order=f"ch-none-{number}", number=number)
        async with target.victim.http.post(url, data=body, headers=headers) as answer:
            await answer.read()

    seconds = target.seconds(10)
    sent = await _flood(send, seconds=seconds)
    kept = await target.bytes_kept() - bytes_before
    return Result(
        f"{seconds:.0f} s of notifications of unknown orders",
        "169 MB kept in 10 s",
        f"{kept / 1e6:.2f} MB kept of {sent:,} sent",
        "1 MB",
        0 < kept < 1_000_000,
    )


async def window_flood(target: Target) -> Result:
    """Payment windows of one merchant, as large as they may be, from one address."""
    bytes_before = await target.bytes_kept()
    headers = {"X-Forwarded-For": ADDRESS}
    url = target.attacked.window_path()
    opened = 0

    async def send(number: int) -> None:
        nonlocal opened
        param = {
            **new_window(),
            "merchant_uid": f"flood-{number}",
            "custom_data": random.randbytes(7_500).hex(),
            "m_redirect_url": f"http://shop.example/{random.randbytes(900).hex()}",
        }
        body = {"param": param, "device": "mobile", "page_url": "http://shop.example/"}
        async with target.attacked.http.post(url, json=body, headers=headers) as answer:
            await answer.read()
            opened += answer.status == HTTPStatus.OK

    seconds = target.seconds(10)
    sent = await _flood(send, seconds=seconds)
    kept = await target.bytes_kept() - bytes_before
    most = 120 + 2 * seconds + 5
    return Result(
        f"{seconds:.0f} s of payment windows from one address",
        "180 a second stored and sent to KICC",
        f"{opened} opened of {sent:,} sent, {kept / 1e6:.2f} MB kept",
        f"{most:.0f} opened, 4 MB",
        0 < opened <= most and kept < 4_000_000,
    )


async def large_head(target: Target) -> Result:
    """One header without an end."""
    start = b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Long: "
    return await _endless(target, "a header without an end", start, before="150 MB taken")


async def large_url(target: Target) -> Result:
    """One URL without an end."""
    return await _endless(target, "a URL without an end", b"GET /", before="60 MB taken")


async def _endless(target: Target, attack: str, start: bytes, *, before: str) -> Result:
    _reader, writer = await asyncio.open_connection(*target.host)
    writer.write(start)
    sent = 0
    try:
        while not writer.is_closing() and sent < 32 * MIB:
            writer.write(b"a" * 8192)
            await writer.drain()
            sent += 8192
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    writer.close()
    # The kernel and the transport hold what was not read: some MiB on loopback.
    taken = f"connection ended after {sent / MIB:.1f} MiB were sent"
    return Result(attack, before, taken, "16 MiB with the kernel's buffers", sent < 16 * MIB)


SSRF_HOSTS = (
    "127.0.0.1", "localhost", "127。0。0。1", "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127.1", "2130706433",
    "0x7f000001", "0177.0.0.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "user@127.0.0.1", "127.0.0.1.", "localhost.",
)  # fmt: skip


async def ssrf(target: Target) -> Result:
    """A page's `confirm_url` that leads to this machine, in every spelling."""
    reached = 0

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    opened = 0
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for host in SSRF_HOSTS:
            rsp = await target.victim.pay_in_window(
                merchant_uid=f"ssrf-{next(_numbers)}", confirm_url=f"http://{host}:{port}/confirm"
            )
            opened += bool(rsp["success"])
    return Result(
        f"{len(SSRF_HOSTS)} spellings of a confirm_url on this machine",
        "reached, with the answer shown",
        f"{reached} reached, {opened} paid",
        "0 reached, 0 paid",
        not reached and not opened,
    )


async def forged_address(target: Target) -> Result:
    """A client that claims to be KICC, before its own address."""
    body = notification(order="ch-none", number=10**9 + next(_numbers))
    url = f"{target.victim.url}/pg-notifications/kicc"
    headers = {
        "Content-Type": "application/json",
        "X-Forwarded-For": f"203.233.72.55, {ADDRESS}",
        "Forwarded": "for=203.233.72.55",
    }
    async with target.victim.http.post(url, data=body, headers=headers) as answer:
        await answer.read()
    stored = await target.victim.rows("SELECT source FROM pg_notifications")
    sources = {row["source"] for row in stored}
    return Result(
        "a forged client address",
        "behind a proxy every address was the proxy's",
        "counted under its own address",
        "never KICC's",
        "203.233.72.55" not in sources,
    )


async def _flood(send: Callable[[int], Awaitable[None]], *, seconds: float) -> int:
    """Send from 32 clients at once for some seconds; return how many."""
    ends_at = time.monotonic() + seconds
    sent = 0

    async def client() -> None:
        nonlocal sent
        while time.monotonic() < ends_at:
            await send(next(_numbers))
            sent += 1

    await asyncio.gather(*(client() for _ in range(32)))
    return sent


async def _cancel(tasks: list[asyncio.Task]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


ATTACKS: tuple[Attack, ...] = (
    nothing,
    slow_heads,
    slow_bodies,
    idle_connections,
    unread_responses,
    long_polls,
    charge_flood,
    large_head,
    large_url,
    ssrf,
    forged_address,
    notification_flood,
    window_flood,
)
"""In the order of the table. The floods come last: they use up the limits of an address."""

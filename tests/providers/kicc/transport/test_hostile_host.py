"""A request is sent once to a hostile host, and an outcome without an answer is known exactly.

`NotSentError` is certain: the host received no byte. In every other case money may have moved.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dasi.providers.kicc.transport.http_connection import (
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    Answer,
    IncomingResponse,
    NoAnswerError,
    NotSentError,
    TooLongError,
)
from dasi.providers.kicc.transport.http_pool import HttpPool
from support.certificates import make_certificate
from support.raw_host import Conversation, RawConnection, RawHost, raw_host

MakePool = Callable[..., HttpPool]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"resCd":"0000"}'
WITH_LENGTH = HEAD + b"Content-Length: 16\r\n\r\n" + BODY
CHUNKED = (
    HEAD
    + b'Transfer-Encoding: chunked\r\n\r\n7;a=b\r\n{"resCd\r\n9\r\n":"0000"}\r\n'
    + b"0\r\nX-Trailer: 1\r\n\r\n"
)
UNTIL_THE_END = HEAD + b"\r\n" + BODY
AFTER_INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + WITH_LENGTH
PATH, REQUEST_BODY = "/api/trades/approval/batch", b'{"amount":9900}'


def answering(response: bytes) -> Conversation:
    """Answer each request of a connection."""

    async def talk(connection: RawConnection) -> None:
        while True:
            await connection.request()
            connection.send(response)

    return talk


def answering_once(response: bytes) -> Conversation:
    """Answer one request and wait for the client to close."""

    async def talk(connection: RawConnection) -> None:
        await connection.request()
        connection.send(response)
        await connection.end()

    return talk


def hanging_up_after(response: bytes) -> Conversation:
    """Answer one request and close."""

    async def talk(connection: RawConnection) -> None:
        await connection.request()
        connection.send(response)

    return talk


async def outcome_of(pool: HttpPool, host: RawHost) -> Answer | NoAnswerError | NotSentError:
    """Send one request. Each outcome is checked against what the host received."""
    requests = len(host.requests)
    try:
        return await pool.post(PATH, REQUEST_BODY)
    except NotSentError as error:
        assert host.bytes_received == 0, "not sent is certain"
        return error
    except NoAnswerError as error:
        return error
    finally:
        assert len(host.requests) <= requests + 1, "sent once"


@asynccontextmanager
async def tls_host(
    folder: Path, *conversations: Conversation
) -> AsyncIterator[tuple[RawHost, ssl.SSLContext]]:
    """A host with a certificate for 127.0.0.1, and a context that trusts it."""
    certificate, key = make_certificate(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    async with raw_host(*conversations, tls=server) as host:
        yield host, ssl.create_default_context(cafile=certificate)


@pytest.mark.parametrize(
    "response", [WITH_LENGTH, CHUNKED, AFTER_INTERIM], ids=["length", "chunked", "interim"]
)
async def test_response_cut_at_any_byte_is_no_answer(pool_at: MakePool, response: bytes) -> None:
    cuts = [hanging_up_after(response[:length]) for length in range(len(response))]
    async with raw_host(*cuts, hanging_up_after(response)) as host:
        pool = pool_at(host.url)
        outcomes = [await outcome_of(pool, host) for _ in range(len(response) + 1)]

    assert outcomes.pop() == Answer(200, BODY)
    assert {type(outcome) for outcome in outcomes} == {NoAnswerError}
    assert len(host.requests) == len(response) + 1


async def test_response_cut_over_tls_is_no_answer(pool_at: MakePool, tmp_path: Path) -> None:
    lengths = range(0, len(WITH_LENGTH), 9)
    cuts = [hanging_up_after(WITH_LENGTH[:length]) for length in lengths]
    async with tls_host(tmp_path, *cuts, hanging_up_after(WITH_LENGTH)) as (host, tls):
        pool = pool_at(host.url, tls=tls)
        outcomes = [await outcome_of(pool, host) for _ in range(len(cuts) + 1)]

    assert outcomes.pop() == Answer(200, BODY)
    assert {type(outcome) for outcome in outcomes} == {NoAnswerError}


@pytest.mark.parametrize("response", [WITH_LENGTH, CHUNKED, AFTER_INTERIM])
def test_response_in_pieces_is_the_same_answer(response: bytes) -> None:
    for length in range(len(response)):
        incoming = IncomingResponse()
        incoming.feed(response[:length])
        assert incoming.answer is None
        assert incoming.end() is None
        incoming.feed(response[length:])
        assert incoming.answer == Answer(200, BODY)
        assert incoming.keeps_alive


@pytest.mark.parametrize("length", [0, 1, 60, 200])
@pytest.mark.parametrize("is_reset", [False, True])
async def test_request_cut_by_the_host_is_never_called_not_sent(
    pool_at: MakePool, length: int, is_reset: bool
) -> None:
    async def hang_up(connection: RawConnection) -> None:
        await connection.part(length)
        if is_reset:
            connection.reset()

    async with raw_host(hang_up) as host:
        outcome = await outcome_of(pool_at(host.url), host)

    assert isinstance(outcome, NoAnswerError | NotSentError)
    assert isinstance(outcome, NoAnswerError) or length == 0
    assert host.connections == 1, "and never tried again"


@pytest.mark.parametrize(
    "response",
    [
        b"\x00\x01 what is this\r\n\r\n",
        b"\r\n" * 40_000,
        b"HTTP/2 200 OK\r\n\r\n",
        b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: 16\r\nContent-Length: 2\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 16\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY,
        HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY,
        HEAD + b"Bad Name: 1\r\nContent-Length: 16\r\n\r\n" + BODY,
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 16\r\n\r\n" + BODY,
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + BODY,
    ],
)
async def test_garbage_is_no_answer(pool_at: MakePool, response: bytes) -> None:
    async with raw_host(answering_once(response), answering(WITH_LENGTH)) as host:
        pool = pool_at(host.url)
        assert isinstance(await outcome_of(pool, host), NoAnswerError)
        assert await outcome_of(pool, host) == Answer(200, BODY)
    assert host.connections == 2, "the broken connection is not used again"


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 16_384),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: of many\r\n" * 1_000),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000),
        (HEAD + b"Content-Length: 999999999\r\n\r\n", b"x" * 16_384),
        (HEAD + b"\r\n", b"x" * 16_384),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"x" * 16_384 + b"\r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"e" * 9_000 + b"\r\nx\r\n"),
    ],
)
async def test_endless_response_is_ended(pool_at: MakePool, begin: bytes, more: bytes) -> None:
    sent = 0

    async def talk(connection: RawConnection) -> None:
        nonlocal sent
        await connection.request()
        connection.send(begin)
        while True:
            connection.send(more)
            sent += len(more)
            await connection.writer.drain()

    async with raw_host(talk) as host:
        outcome = await outcome_of(pool_at(host.url), host)

    assert isinstance(outcome, TooLongError)
    assert sent < 40 * (HEAD_BYTES_MAX + BODY_BYTES_MAX), "most of it in the kernel's buffers"


async def test_slow_response_ends_at_the_deadline(pool_at: MakePool) -> None:
    """Each byte comes in time; the whole does not."""
    loop = asyncio.get_running_loop()

    async def trickle(connection: RawConnection) -> None:
        await connection.request()

        def send_more() -> None:
            connection.send(b"X-Slow: 1\r\n")
            loop.call_later(0.02, send_more)

        connection.send(b"HTTP/1.1 200 OK\r\n")
        send_more()
        await connection.end()

    async with raw_host(trickle) as host:
        began = loop.time()
        outcome = await outcome_of(pool_at(host.url, total_timeout_s=0.15), host)

    assert isinstance(outcome, NoAnswerError)
    assert 0.1 < loop.time() - began < 3


async def test_response_before_the_request_is_never_kept(pool_at: MakePool) -> None:
    async def speak_first(connection: RawConnection) -> None:
        connection.send(WITH_LENGTH)
        await connection.end()

    async with raw_host(speak_first, answering(WITH_LENGTH)) as host:
        pool = pool_at(host.url)
        first = await outcome_of(pool, host)
        assert isinstance(first, Answer | NotSentError)
        second = await outcome_of(pool, host)
    assert isinstance(second, Answer | NoAnswerError)


async def test_second_response_to_one_request_answers_no_other(pool_at: MakePool) -> None:
    forged = WITH_LENGTH.replace(b"0000", b"9999")
    async with raw_host(answering(WITH_LENGTH + forged), answering(WITH_LENGTH)) as host:
        pool = pool_at(host.url)
        assert [await outcome_of(pool, host) for _ in range(2)] == [Answer(200, BODY)] * 2
    assert host.connections == 2


async def test_stray_bytes_on_an_idle_connection_answer_nothing(pool_at: MakePool) -> None:
    forged = WITH_LENGTH.replace(b"0000", b"9999")
    connections: list[RawConnection] = []

    async def talk(connection: RawConnection) -> None:
        await connection.request()
        connection.send(WITH_LENGTH)
        connections.append(connection)
        await connection.end()

    async with raw_host(talk, answering(WITH_LENGTH)) as host:
        pool = pool_at(host.url)
        assert await outcome_of(pool, host) == Answer(200, BODY)
        connections[0].send(forged)
        assert await outcome_of(pool, host) == Answer(200, BODY)
    assert host.connections == 2


async def test_untrusted_certificate_is_not_sent(pool_at: MakePool, tmp_path: Path) -> None:
    async with tls_host(tmp_path, answering(WITH_LENGTH)) as (host, _trusting):
        outcome = await outcome_of(pool_at(host.url, tls=ssl.create_default_context()), host)
    assert isinstance(outcome, NotSentError)
    assert host.requests == []


async def test_certificate_of_another_host_is_not_sent(pool_at: MakePool, tmp_path: Path) -> None:
    async with tls_host(tmp_path, answering(WITH_LENGTH)) as (host, tls):
        other = host.url.replace("127.0.0.1", "localhost")
        outcome = await outcome_of(pool_at(other, tls=tls), host)
        assert isinstance(outcome, NotSentError)
        assert await outcome_of(pool_at(host.url, tls=tls), host) == Answer(200, BODY)
    assert len(host.requests) == 1


async def test_handshake_without_an_end_is_not_sent(pool_at: MakePool) -> None:
    async def say_nothing(connection: RawConnection) -> None:
        await connection.reader.read()  # it counts no bytes: a handshake carries no request

    async with raw_host(say_nothing) as host:
        pool = pool_at(
            host.url.replace("http:", "https:"),
            tls=ssl.create_default_context(),
            connect_timeout_s=0.1,
        )
        outcome = await outcome_of(pool, host)
    assert isinstance(outcome, NotSentError)

"""The one place that sends to KICC: one POST, one reply, nothing repeated.

What becomes of a request is decided by one question: could a byte of it have left this machine?
aiohttp tells when a connection is in hand (made, its TLS handshake done, or taken from the pool).
Whatever fails before that moment was never sent; whatever fails after it is in doubt.

    Response         HTTP 200 and a JSON object; what it says is not judged here
    NoResponse       the request may have arrived, and no readable answer came back
    RequestNotSent   no connection was had, so nothing was sent
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from types import SimpleNamespace

import aiohttp
import msgspec
import structlog

from dasi.foundation.db import assert_no_transaction
from dasi.providers.kicc.transport.redaction import masked
from kicc_wire.codes import JSON_CONTENT_TYPE
from kicc_wire.requests import Wire

ANSWER_BYTES_MAX = 256 * 1024
"""KICC's longest documented answer is a few KiB."""
_OK = 200
_SERVER_ERROR = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Response:
    """KICC's own words. Not shown by `repr`: a key issue carries the billing key in them."""

    body: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoResponse:
    """It may have happened. `is_outage`: KICC looks unwell, not merely odd."""

    why: str
    is_outage: bool


@dataclass(frozen=True, slots=True)
class RequestNotSent:
    """It did not happen. `is_outage`: KICC could not be reached; else we were too busy to try."""

    why: str
    is_outage: bool


Reply = Response | NoResponse | RequestNotSent


class KiccClient:
    """A bounded pool a host. Opens nothing until the first request; `close` ends it."""

    def __init__(
        self,
        *,
        connections_max: int,
        pool_wait_s: float,
        connect_timeout_s: float,
        total_timeout_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connections_max = connections_max
        self._pool_wait_s = pool_wait_s
        self._timeout = aiohttp.ClientTimeout(
            total=total_timeout_s, connect=connect_timeout_s, sock_connect=connect_timeout_s
        )
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False
        self._slots: dict[str, asyncio.Semaphore] = {}

    async def send(
        self, base_url: str, path: str, request: Wire, *, redact: tuple[str, ...] = ()
    ) -> Reply:
        """POSTs `request` once. Never raises for what the network does. `redact` is not logged."""
        assert_no_transaction()
        body = msgspec.json.encode(request)
        began = monotonic()
        reply = await self._send_with_slot(base_url, path, body)
        if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):  # masking is not for nothing
            log.debug(
                "kicc_request",
                path=path,
                request=masked(msgspec.to_builtins(request), redact=redact),
                outcome=type(reply).__name__,
                answer=masked(reply.body, redact=redact)
                if isinstance(reply, Response)
                else reply.why,
                took_ms=round((monotonic() - began) * 1000),
            )
        return reply

    async def close(self) -> None:
        """Ends the pool. Requests under way end as `NoResponse`."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send_with_slot(self, base_url: str, path: str, body: bytes) -> Reply:
        if self._is_closed:
            return RequestNotSent("the client is closed", is_outage=False)
        slot = self._slots.setdefault(base_url, asyncio.Semaphore(self._connections_max))
        try:
            async with asyncio.timeout(self._pool_wait_s if slot.locked() else None):
                await slot.acquire()
        except TimeoutError:
            return RequestNotSent(
                f"no free connection within {self._pool_wait_s:g} s", is_outage=False
            )
        try:
            return await self._post(base_url + path, body)
        finally:
            slot.release()

    async def _post(self, url: str, body: bytes) -> Reply:
        progress = SimpleNamespace(is_connected=False)
        try:
            async with self._opened().post(
                url,
                data=body,
                headers={"Content-Type": JSON_CONTENT_TYPE, "Accept": "application/json"},
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                return await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failed:
            # ValueError: aiohttp lets a few of its parsers' errors through as they are.
            if progress.is_connected:
                return NoResponse(f"no answer: {_told(failed)}", is_outage=True)
            return RequestNotSent(f"no connection: {_told(failed)}", is_outage=True)

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made on first use because it belongs to the running loop.

        Connections idle for 2 s are dropped, well before a server would drop them: a request
        written into a connection that is just being closed would be in doubt for nothing. aiohttp
        repeats idempotent methods on such a connection, a POST never (RFC 9112, 9.3.1).
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # `_slots` bounds each host by itself
                    keepalive_timeout=2,
                    ssl=self._tls or _tls_context(),
                ),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "dasi", "Accept-Encoding": "identity"},
                trace_configs=[_watch_for_connection()],
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> Reply:
    body = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            response.close()
            return NoResponse(
                f"the answer is longer than {ANSWER_BYTES_MAX} bytes", is_outage=False
            )
    if response.status != _OK:
        return NoResponse(
            f"HTTP {response.status} with {len(body)} bytes",
            is_outage=response.status >= _SERVER_ERROR,
        )
    try:
        return Response(msgspec.json.decode(bytes(body), type=dict[str, object]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NoResponse(f"HTTP 200 with {len(body)} bytes, no JSON object", is_outage=False)


def _watch_for_connection() -> aiohttp.TraceConfig:
    async def connected(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.is_connected = True

    watch = aiohttp.TraceConfig()
    watch.on_connection_create_end.append(connected)
    watch.on_connection_reuseconn.append(connected)
    return watch


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _told(failed: BaseException) -> str:
    """The kind of failure; the system's own words, never the far side's: those may hold a key."""
    error = getattr(failed, "os_error", failed)
    words = error.strerror if isinstance(error, OSError) else None
    return f"{type(failed).__name__}: {words}" if words else type(failed).__name__

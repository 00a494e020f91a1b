"""Send requests to KICC: one POST, one reply, no repetition. Only this module sends to KICC.

One question decides the reply: could a byte of the request have left this machine? The library
reports when a connection is ready (made with its TLS handshake, or taken from the pool). A request
that fails before that moment was not sent; after it the outcome is unknown.

    Response         HTTP 200 and a JSON object, whose content is not judged here
    NoResponse       the request may have arrived, and no readable answer came back
    RequestNotSent   there was no connection, so no byte left
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
from dasi.http.fair_slots import FairSlots
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
    """KICC's answer. `repr` hides it, because the answer to a key issue holds the billing key."""

    body: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoResponse:
    """The request may have arrived. `is_outage`: KICC seems to be down."""

    detail: str
    is_outage: bool


@dataclass(frozen=True, slots=True)
class RequestNotSent:
    """The request was not sent. `is_outage`: KICC was unreachable; otherwise our pool was full."""

    detail: str
    is_outage: bool


Reply = Response | NoResponse | RequestNotSent


class KiccClient:
    """A bounded pool for each host, shared fairly among MIDs. The first request opens it."""

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
        self._slots: dict[str, FairSlots] = {}

    async def send(
        self, base_url: str, path: str, request: Wire, *, redact: tuple[str, ...] = ()
    ) -> Reply:
        """POST `request` once and return the reply; network failures are replies too.

        The log omits the secrets in `redact`.
        """
        assert_no_transaction()
        body = msgspec.json.encode(request)
        began = monotonic()
        reply = await self._send_with_slot(
            base_url, path, body, mid=getattr(request, "mall_id", "")
        )
        if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):  # masking costs time
            log.debug(
                "kicc_request",
                path=path,
                request=masked(msgspec.to_builtins(request), redact=redact),
                outcome=type(reply).__name__,
                answer=masked(reply.body, redact=redact)
                if isinstance(reply, Response)
                else reply.detail,
                took_ms=round((monotonic() - began) * 1000),
            )
        return reply

    async def close(self) -> None:
        """Close the pool. Requests under way end as `NoResponse`."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send_with_slot(self, base_url: str, path: str, body: bytes, *, mid: str) -> Reply:
        if self._is_closed:
            return RequestNotSent("the client is closed", is_outage=False)
        slots = self._slots.setdefault(base_url, FairSlots(self._connections_max))
        try:
            async with asyncio.timeout(self._pool_wait_s if slots.is_full_for(mid) else None):
                await slots.take_slot(mid)
        except TimeoutError:
            return RequestNotSent(
                f"no free connection within {self._pool_wait_s:g} s", is_outage=False
            )
        try:
            return await self._post(base_url + path, body)
        finally:
            slots.release(mid)

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
            # ValueError: aiohttp does not wrap a few of its parsers' errors.
            if progress.is_connected:
                return NoResponse(f"no answer: {_describe(failed)}", is_outage=True)
            return RequestNotSent(f"no connection: {_describe(failed)}", is_outage=True)

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made on first use because it belongs to the running loop.

        The pool drops connections that are idle for 2 s, well before a server would. A request on
        a connection that the server is closing would have an unknown outcome. The library repeats
        idempotent methods on such a connection, but never a POST (RFC 9112, 9.3.1).
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


def _describe(failed: BaseException) -> str:
    """The kind of failure with the system's text, without the server's, which may hold a key."""
    error = getattr(failed, "os_error", failed)
    text = error.strerror if isinstance(error, OSError) else None
    return f"{type(failed).__name__}: {text}" if text else type(failed).__name__

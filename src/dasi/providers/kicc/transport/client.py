"""Send requests to KICC: one POST, one reply, no repetition. Only this module sends to KICC.

One question decides the reply: could a byte of the request have left this machine?
`http_connection` answers it.

    Response         HTTP 200 and a JSON object, whose content is not judged here
    NoResponse       the request may have arrived, and no readable answer came back
    RequestNotSent   no byte left
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from time import monotonic

import msgspec
import structlog
from prometheus_client import Histogram

from dasi.foundation.db import assert_no_transaction
from dasi.http.fair_slots import FairSlots
from dasi.providers.kicc.transport.http_connection import (
    NoAnswerError,
    NotSentError,
    TooLongError,
)
from dasi.providers.kicc.transport.http_pool import HttpPool
from dasi.providers.kicc.transport.redaction import masked
from kicc_wire.codes import JSON_CONTENT_TYPE
from kicc_wire.requests import Wire

_KEEP_S = 2
"""Well before a server would close it: a request on a connection that ends has no known outcome."""
_OK = 200
_SERVER_ERROR = 500
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, object]).decode

log = structlog.get_logger()

_LATENCY = Histogram(
    "dasi_kicc_request_seconds",
    "Time from a request to KICC to its answer or its failure, by path and reply",
    ["path", "reply"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30),
)


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
_REPLY_NAMES = {Response: "answered", NoResponse: "lost", RequestNotSent: "not_sent"}


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
        self._connect_timeout_s = connect_timeout_s
        self._total_timeout_s = total_timeout_s
        self._tls = tls
        self._is_closed = False
        self._hosts: dict[str, _Host] = {}

    async def send(
        self, base_url: str, path: str, request: Wire, *, redact: tuple[str, ...] = ()
    ) -> Reply:
        """POST `request` once and return the reply; network failures are replies too.

        The log omits the secrets in `redact`.
        """
        assert_no_transaction()
        body = _encode(request)
        began = monotonic()
        reply = await self._send_with_slot(
            base_url, path, body, mid=getattr(request, "mall_id", "")
        )
        took_s = monotonic() - began
        _LATENCY.labels(path, _REPLY_NAMES[type(reply)]).observe(took_s)
        if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):  # masking costs time
            log.debug(
                "kicc_request",
                path=path,
                request=masked(msgspec.to_builtins(request), redact=redact),
                outcome=type(reply).__name__,
                answer=masked(reply.body, redact=redact)
                if isinstance(reply, Response)
                else reply.detail,
                took_ms=round(took_s * 1000),
            )
        return reply

    async def close(self) -> None:
        """Close the pools. Requests under way end as `NoResponse`."""
        self._is_closed = True
        for host in self._hosts.values():
            await host.pool.close()

    async def _send_with_slot(self, base_url: str, path: str, body: bytes, *, mid: str) -> Reply:
        if self._is_closed:
            return RequestNotSent("the client is closed", is_outage=False)
        host = self._hosts.get(base_url) or self._opened(base_url)
        if not host.slots.try_take(mid):
            try:
                async with asyncio.timeout(self._pool_wait_s):
                    await host.slots.take_slot(mid)
            except TimeoutError:
                return RequestNotSent(
                    f"no free connection within {self._pool_wait_s:g} s", is_outage=False
                )
        try:
            return _read(*await host.pool.post(path, body))
        except NotSentError as error:
            return RequestNotSent(f"no connection: {error}", is_outage=True)
        except TooLongError as error:
            return NoResponse(str(error), is_outage=False)
        except NoAnswerError as error:
            return NoResponse(f"no answer: {error}", is_outage=True)
        finally:
            host.slots.release(mid)

    def _opened(self, base_url: str) -> "_Host":
        """The pool of a host, made on first use because it belongs to the running loop."""
        host = _Host(
            slots=FairSlots(self._connections_max),
            pool=HttpPool(
                base_url,
                content_type=JSON_CONTENT_TYPE,
                connect_timeout_s=self._connect_timeout_s,
                total_timeout_s=self._total_timeout_s,
                keep_s=_KEEP_S,
                tls=(self._tls or _tls_context()) if base_url.startswith("https:") else None,
            ),
        )
        self._hosts[base_url] = host
        return host


@dataclass(frozen=True, slots=True)
class _Host:
    slots: FairSlots
    pool: HttpPool


def _read(status: int, body: bytes) -> Reply:
    if status != _OK:
        return NoResponse(
            f"HTTP {status} with {len(body)} bytes", is_outage=status >= _SERVER_ERROR
        )
    try:
        return Response(_decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NoResponse(f"HTTP 200 with {len(body)} bytes, no JSON object", is_outage=False)


@cache
def _tls_context() -> ssl.SSLContext:
    """Return the context that all connections share: reading the CAs takes 25 ms."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

"""KICC's paths over HTTP (§1): which call each path is, and what HTTP itself refuses (S2)."""

import time

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kicc_simulator.api import endpoints
from kicc_simulator.api.request_handler import Call, RequestHandler
from kicc_simulator.control.journal import Journal
from kicc_simulator.faults.faults import CUT, Reply, html
from kicc_simulator.server import cut
from kicc_wire import codes

_BODY_BYTES_MAX = 262_144
_EP9, _OLD, _STANDALONE = "ep9", "old", "v2"

PATHS: tuple[tuple[str, Call, str], ...] = (
    (codes.BATCH_APPROVAL_PATH, endpoints.BATCH, ""),
    (codes.REGISTER_PATH, endpoints.REGISTER, _EP9),
    (codes.APPROVAL_PATH, endpoints.APPROVAL, _EP9),
    (codes.REVISE_PATH, endpoints.REVISE, ""),
    (codes.QUERY_PATH, endpoints.QUERY, ""),
    (codes.REMOVE_KEY_PATH, endpoints.REMOVE_KEY, ""),
    (codes.OLD_REGISTER_PATH, endpoints.REGISTER, _OLD),
    (codes.OLD_APPROVAL_PATH, endpoints.APPROVAL, _OLD),
    (codes.STANDALONE_REGISTER_PATH, endpoints.REGISTER, _STANDALONE),
    (codes.STANDALONE_APPROVAL_PATH, endpoints.APPROVAL, _STANDALONE),
)
"""Every path, the busiest first. A window is registered and approved in one family (§1)."""


class KiccEndpoint:
    """One path, as a bare ASGI application: this is the hot path of load tests."""

    def __init__(
        self, call: Call, *, family: str, handler: RequestHandler, journal: Journal, public_url: str
    ) -> None:
        self._call = call
        self._family = family
        self._handler = handler
        self._journal = journal
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_s = time.perf_counter()
        fault = ""
        headers = dict(scope["headers"])
        body, refusal = b"", _refused_by_http(scope["method"], headers)
        if refusal is None:
            body, refusal = await _read_body(receive)
        if refusal is None:
            refusal, fault = await self._handler.take(
                self._call, body, family=self._family, own_url=self._own_url(scope, headers)
            )
        reply = refusal
        self._journal.note(
            self._call.endpoint,
            body,
            reply.body,
            status=reply.status,
            fault=fault,
            took_s=time.perf_counter() - started_s,
        )
        if reply is CUT:
            await cut(scope, receive)
            return
        await _send(send, reply)

    def _own_url(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        if self._public_url:
            return self._public_url
        host = headers.get(b"host", b"127.0.0.1").decode("latin-1")
        return f"{scope['scheme']}://{host}"


def kicc_routes(handler: RequestHandler, journal: Journal, *, public_url: str) -> list[Route]:
    """A route for every path of KICC's API."""
    return [
        Route(
            path,
            KiccEndpoint(
                call, family=family, handler=handler, journal=journal, public_url=public_url
            ),
        )
        for path, call, family in PATHS
    ]


def _refused_by_http(method: str, headers: dict[bytes, bytes]) -> Reply | None:
    if method != "POST":
        return html(405, "Method Not Allowed")
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        return html(415, "Unsupported Media Type")
    return None


async def _read_body(receive: Receive) -> tuple[bytes, Reply | None]:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body, CUT
        body += message.get("body", b"")
        if len(body) > _BODY_BYTES_MAX:
            return b"", html(413, "Content Too Large")
        if not message.get("more_body"):
            return body, None


async def _send(send: Send, reply: Reply) -> None:
    headers = [
        (b"content-type", reply.content_type.encode("latin-1")),
        (b"content-length", str(len(reply.body)).encode("latin-1")),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})

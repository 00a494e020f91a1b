"""Limits how many requests one process works on at once. When it is full it answers 503.

More concurrent requests make nothing faster. They wait for the database or for the PG until their
callers give up, while the charges are made all the same. When all slots are busy for 200 ms the
gateway answers 503 with `Retry-After`: it has read, written and sent nothing for that request.

The pause protects the admitted requests. A caller that ignores `Retry-After` would otherwise be
refused thousands of times a second, and each refusal takes time from them.

A request takes a slot only once its body has arrived, so that a client that sends slowly occupies
its own connection and nothing else. A body has 15 s, and all bodies that arrive together have
64 MiB. `dasi.http.slots` shares the slots among merchants.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog
from prometheus_client import Counter
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dasi.http.connection_limits import FLOW
from dasi.http.slots import ShareTaken, Slot, Slots

log = structlog.get_logger()

RETRY_AFTER_S = 1
PAUSE_S = 0.2
_PAUSED_TIMES = 4
"""The most requests that wait for their refusal, per slot: each costs memory."""
BODY_S = 15.0
_ARRIVING_MAX_BYTES = 64 * 1024 * 1024
_REJECTED = Counter("dasi_requests_rejected_total", "Requests refused because the process was full")
_ALWAYS = ("/health/", "/metrics")
_ANNOUNCES_BODY = (b"content-length", b"transfer-encoding")
_PUBLIC = ("/checkout/", "/pg-notifications/", "/console", "/users/pg/", "/payments/ready/")


class Admission:
    """ASGI middleware: admit `requests_max` requests of merchants' programs, and as many others.

    A payer who returns from the PG's window and a PG with a notification do not retry as a
    merchant's program does. An operator must see the console while the gateway is full. Those
    routes need no token, so they must not take the slots of merchants either. Health and metrics
    are always answered.
    """

    body_s = BODY_S

    def __init__(
        self,
        app: ASGIApp,
        *,
        requests_max: int,
        body_max_bytes: int,
        reject: Callable[[], Response],
        refuse_late: Callable[[], Response],
    ) -> None:
        self._app = app
        self._body_max_bytes = body_max_bytes
        self._refuse_late = refuse_late
        self._arriving_bytes = 0
        self._rejection = reject()
        self._paused_max = requests_max * _PAUSED_TIMES
        self._api_slots, self._public_slots = Slots(requests_max), Slots(requests_max)
        self._paused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_ALWAYS):
            await self._app(scope, receive, send)
            return
        slots = self._public_slots if scope["path"].startswith(_PUBLIC) else self._api_slots
        if slots.taken >= slots.limit:
            await self._reject(scope, receive, send)
            return
        if not _has_body(scope):
            await self._admit(scope, receive, send, slots=slots)
            return
        try:
            async with asyncio.timeout(self.body_s):
                messages = await self._read_body(receive)
        except TimeoutError:
            await self._refuse_late()(scope, receive, send)
            return
        if messages is None or slots.taken >= slots.limit:
            await self._reject(scope, receive, send)
            return
        if messages[-1]["type"] == "http.disconnect":
            return
        await self._admit(scope, _replay(messages, receive), send, slots=slots)

    async def _admit(self, scope: Scope, receive: Receive, send: Send, *, slots: Slots) -> None:
        slot = Slot(slots, receive=receive)
        slot.take(scope)
        app_send = slot.outside(send) if _may_wait_to_send(scope) else send
        is_busy = False
        try:
            await self._app(scope, receive, app_send)
        except ShareTaken:
            is_busy = True
        except ClientDisconnect:
            log.debug("client_left", path=scope["path"])
        finally:
            slot.release()
        if is_busy:
            await self._reject(scope, receive, send)

    async def _read_body(self, receive: Receive) -> deque[Message] | None:
        """Read the messages of the body, up to the first one above its limit.

        The interface refuses a body that is too long in its own words. None: the bodies that
        arrive together are too much for this process.
        """
        messages: deque[Message] = deque()
        size = 0
        try:
            while True:
                message = await receive()
                messages.append(message)
                part = len(message.get("body", b""))
                size += part
                self._arriving_bytes += part
                if not message.get("more_body", False) or size > self._body_max_bytes:
                    return messages
                if self._arriving_bytes > _ARRIVING_MAX_BYTES:
                    return None
        finally:
            self._arriving_bytes -= size

    async def _reject(self, scope: Scope, receive: Receive, send: Send) -> None:
        _REJECTED.inc()
        if self._paused < self._paused_max:
            self._paused += 1
            try:
                await asyncio.sleep(PAUSE_S)
            finally:
                self._paused -= 1
        await self._rejection(scope, receive, send)


def _may_wait_to_send(scope: Scope) -> bool:
    """Whether a part of the response may wait for the client to read.

    That is a response after one that the client has not read yet, or one of many parts: the
    console's CSV files. All others are handed to the server at once.
    """
    flow = scope.get(FLOW)
    return flow is None or flow.write_paused or scope["path"].startswith("/console")


def _has_body(scope: Scope) -> bool:
    """Whether the request's head announces a body of any length."""
    return any(name in _ANNOUNCES_BODY for name, _ in scope["headers"])


def _replay(messages: deque[Message], receive: Receive) -> Receive:
    """Return a `receive` that first repeats the messages that were read."""

    async def repeat() -> Message:
        return messages.popleft() if messages else await receive()

    return repeat

"""Limits how many requests one process works on at once. When it is full it answers 503.

More concurrent requests make nothing faster. They wait for the database or for the PG until their
callers give up, while the charges are made all the same. When all slots are busy for 200 ms the
gateway answers 503 with `Retry-After`: it has read, written and sent nothing for that request.

The pause protects the admitted requests. A caller that ignores `Retry-After` would otherwise be
refused thousands of times a second, and each refusal takes time from them.
"""

import asyncio
from collections.abc import Callable

from prometheus_client import Counter
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

RETRY_AFTER_S = 1
PAUSE_S = 0.2
_PAUSED_TIMES = 4
"""The most requests that wait for their refusal, per slot: each costs memory."""
_REJECTED = Counter("dasi_requests_rejected_total", "Requests refused because the process was full")
_ALWAYS = ("/health/", "/metrics")
_WITH_RESERVE = ("/checkout/", "/pg-notifications/", "/console")


class Admission:
    """ASGI middleware that admits `requests_max` requests, a quarter more of payers and PGs.

    A payer who returns from the PG's window and a PG with a notification do not retry as a
    merchant's program does. An operator must see the console while the gateway is full. Health and
    metrics are always answered.
    """

    def __init__(self, app: ASGIApp, *, requests_max: int, reject: Callable[[], Response]) -> None:
        self._app = app
        self._requests_max = requests_max
        self._reserve_max = requests_max + requests_max // 4
        self._rejection = reject()
        self._paused_max = requests_max * _PAUSED_TIMES
        self._inside = self._paused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_ALWAYS):
            await self._app(scope, receive, send)
            return
        uses_reserve = scope["path"].startswith(_WITH_RESERVE)
        if self._inside >= (self._reserve_max if uses_reserve else self._requests_max):
            await self._reject(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1

    async def _reject(self, scope: Scope, receive: Receive, send: Send) -> None:
        _REJECTED.inc()
        if self._paused < self._paused_max:
            self._paused += 1
            try:
                await asyncio.sleep(PAUSE_S)
            finally:
                self._paused -= 1
        await self._rejection(scope, receive, send)

"""How many requests one process works on at once. When it is full it answers 503.

More requests at once do not make anything faster: they wait inside, for the database or for the
PG, until their callers give up on charges that are made all the same. So the number is bounded, and
who finds no room hears 503 and `Retry-After`: nothing was read, written or asked for it.

It hears so after a moment. A caller that does not keep to `Retry-After` and comes again at once
would otherwise be refused thousands of times a second, and each refusal takes time from those
inside.
"""

import asyncio
from collections.abc import Callable

from prometheus_client import Counter
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

RETRY_AFTER_S = 1
PAUSE_S = 0.2
_PAUSED_TIMES = 4
"""How many, as often as there is room, are kept waiting for their refusal: they cost memory."""
_REJECTED = Counter("dasi_requests_rejected_total", "Requests refused because the process was full")
_ALWAYS = ("/health/", "/metrics")
_OF_PEOPLE = ("/checkout/", "/pg-notifications/", "/console")


class Admission:
    """ASGI middleware. `requests_max` may be inside; a quarter more for people and PGs.

    A payer who comes back from the PG's window, and a PG with a notification, do not come again as
    a
    shop's program does; and who runs the gateway must see it while it is full. Health and metrics
    are always answered.
    """

    def __init__(self, app: ASGIApp, *, requests_max: int, reject: Callable[[], Response]) -> None:
        self._app = app
        self._requests_max = requests_max
        self._people_max = requests_max + requests_max // 4
        self._rejection = reject()
        self._paused_max = requests_max * _PAUSED_TIMES
        self._inside = self._paused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_ALWAYS):
            await self._app(scope, receive, send)
            return
        is_person = scope["path"].startswith(_OF_PEOPLE)
        if self._inside >= (self._people_max if is_person else self._requests_max):
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

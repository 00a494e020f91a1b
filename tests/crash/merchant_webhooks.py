"""The merchant's server: it receives webhooks and stores the PG's notices.

It records every webhook in the order of arrival, with any answer. It acknowledges and stores the
notices: the history decides the time, number and order of their delivery to a gateway.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from support.served_app import served

_TURNS_BETWEEN = 20


@dataclass
class MerchantSide:
    url: str = ""
    dice: random.Random = field(default_factory=random.Random)
    failure_chance: float = 0.0
    is_gone: bool = False
    confirms: bool = True
    heard: list[dict[str, Any]] = field(default_factory=list)
    """Every POST of a webhook: its body, its `event_id`, and whether it was `taken`."""
    notifications: list[tuple[str, bytes]] = field(default_factory=list)

    def forget(self, seed: int) -> None:
        self.heard, self.notifications = [], []
        self.dice, self.failure_chance = random.Random(seed), 0.0
        self.is_gone, self.confirms = False, True

    async def take_webhook(self, request: Request) -> Response:
        is_taken = self.dice.random() >= self.failure_chance and not self.is_gone
        webhook = {**await request.json(), "event_id": request.headers["webhook-id"]}
        self.heard.append({**webhook, "is_taken": is_taken, "is_heard": is_taken or self.is_gone})
        refusal = 410 if self.is_gone else 500
        return StreamingResponse(_slowly(), status_code=200 if is_taken else refusal)

    async def confirm(self, _request: Request) -> Response:
        """The answer to `confirm_url`: whether the gateway may request the payment."""
        status, body = (200, b"{}") if self.confirms else (400, '{"reason": "품절"}'.encode())
        return StreamingResponse(_slowly(body), status_code=status)

    async def take_notification(self, request: Request) -> Response:
        self.notifications.append((request.headers.get("content-type", ""), await request.body()))
        return Response(b'{"resCd":"0000","resMsg":"OK"}', media_type="application/json")


async def _slowly(body: bytes = b"ok") -> AsyncIterator[bytes]:
    """The body in two parts, so that the reader must wait for each of them."""
    for part in (body[:1], body[1:]):
        for _ in range(_TURNS_BETWEEN):
            await asyncio.sleep(0)
        yield part


@asynccontextmanager
async def listening_merchant() -> AsyncIterator[MerchantSide]:
    side = MerchantSide()
    app = Starlette(
        routes=[
            Route("/hook", side.take_webhook, methods=["POST"]),
            Route("/confirm", side.confirm, methods=["POST"]),
            Route("/notice", side.take_notification, methods=["POST"]),
        ]
    )
    async with served(app) as url:
        side.url = url
        yield side

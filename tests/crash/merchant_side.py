"""The merchant's end of the webhooks, and the wire on which the PG's notices wait.

Webhooks are noted in the order they came, whatever is answered. Notices are acknowledged to the PG
and kept: the history decides when, how often, and in which order they reach a gateway.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from served import served


@dataclass
class MerchantSide:
    url: str = ""
    dice: random.Random = field(default_factory=random.Random)
    failure_chance: float = 0.0
    heard: list[dict[str, Any]] = field(default_factory=list)
    """Every POST of a webhook: its body, its `event_id`, and whether it was `taken`."""
    notices: list[tuple[str, bytes]] = field(default_factory=list)

    def forget(self, seed: int) -> None:
        self.heard, self.notices = [], []
        self.dice, self.failure_chance = random.Random(seed), 0.0

    async def take_webhook(self, request: Request) -> Response:
        is_taken = self.dice.random() >= self.failure_chance
        told = {**await request.json(), "event_id": request.headers["webhook-id"]}
        self.heard.append({**told, "is_taken": is_taken})
        return PlainTextResponse("ok", status_code=200 if is_taken else 500)

    async def take_notice(self, request: Request) -> Response:
        self.notices.append((request.headers.get("content-type", ""), await request.body()))
        return Response(b'{"resCd":"0000","resMsg":"OK"}', media_type="application/json")


@asynccontextmanager
async def listening_merchant() -> AsyncIterator[MerchantSide]:
    side = MerchantSide()
    app = Starlette(
        routes=[
            Route("/hook", side.take_webhook, methods=["POST"]),
            Route("/notice", side.take_notice, methods=["POST"]),
        ]
    )
    async with served(app) as url:
        side.url = url
        yield side

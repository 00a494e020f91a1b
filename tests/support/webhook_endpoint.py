"""A merchant's server that receives webhooks and answers as a test chooses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from support.served_app import served

_PATIENCE_S = 20


@dataclass(frozen=True)
class Post:
    path: str
    content_type: str
    headers: dict[str, str]
    body: bytes

    @property
    def values(self) -> dict[str, str]:
        """The fields of the body, JSON or form."""
        if self.content_type == "application/json":
            return dict(msgspec.json.decode(self.body))
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))


@dataclass
class WebhookEndpoint:
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    """In the order of their arrival."""
    answer: Callable[[Post], Awaitable[int | Response]] | None = None
    """Makes the response or its status; without it the status is 200."""
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, count: int) -> list[Post]:
        """Wait until there are `count` posts, and return them."""
        async with asyncio.timeout(_PATIENCE_S), self._came:
            await self._came.wait_for(lambda: len(self.posts) >= count)
        return self.posts

    async def take(self, request: Request) -> Response:
        post = Post(
            path=request.url.path,
            content_type=request.headers.get("content-type", "").partition(";")[0],
            headers=dict(request.headers),
            body=await request.body(),
        )
        async with self._came:
            self.posts.append(post)
            self._came.notify_all()
        answer = 200 if self.answer is None else await self.answer(post)
        return answer if isinstance(answer, Response) else Response(status_code=answer)


@asynccontextmanager
async def receiving(listening: socket.socket | None = None) -> AsyncIterator[WebhookEndpoint]:
    """Serve until the block ends, by default on a free port."""
    endpoint = WebhookEndpoint()
    app = Starlette(routes=[Route("/{rest:path}", endpoint.take, methods=["POST"])])
    async with served(app, listening) as endpoint.url:
        yield endpoint

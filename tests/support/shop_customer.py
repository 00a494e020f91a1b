"""A customer of the demo shop, the shop itself, and the time that passes for them."""

import asyncio
import html
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import uvicorn

from dasi_demo.billing import utc_now
from dasi_demo.pages import Settings, make_shop


class ManualTime:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 9, 3, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_(self, **by: float) -> None:
        self.moment += timedelta(**by)


class Customer:
    """A browser without a screen: follows redirects, keeps cookies, reads pages."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self.path = "/"

    async def see(self, path: str, **params: str) -> str:
        async with self.session.get(self.url + path, params=params) as answer:
            self.path = answer.url.path
            return html.unescape(await answer.text())

    async def press(self, path: str, **fields: str) -> str:
        async with self.session.post(self.url + path, data=fields) as answer:
            self.path = answer.url.path
            return html.unescape(await answer.text())

    async def order(self, item: str, **fields: str) -> dict[str, Any]:
        """Goes to the checkout; what the page would give to IMP.request_pay."""
        page = await self.press("/orders", item=item, **fields)
        found = re.search(r'data-payment-request="(.*?)"\s+data-busy', page, re.DOTALL)
        assert found, page
        request: dict[str, Any] = json.loads(found[1])
        return request

    async def charge_button(self) -> str:
        """The name the next charge will have, as the page's button carries it."""
        found = re.search(r'name="merchant_uid" value="([^"]+)"', await self.see("/my"))
        assert found, "no charge button on the page"
        return found[1]

    async def webhooks(self) -> list[dict[str, Any]]:
        async with self.session.get(f"{self.url}/webhooks.json") as answer:
            listed: list[dict[str, Any]] = await answer.json()
            return listed


@asynccontextmanager
async def opened_shop(
    settings: Settings, listening: socket.socket, *, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Customer]:
    """The shop, open, with a customer at its door."""
    shop = make_shop(settings, now=now)
    server = uvicorn.Server(uvicorn.Config(shop, log_config=None, ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.listen()  # from here on nobody is turned away, however long the start takes
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Customer(url, session)
    server.should_exit = True
    await serving

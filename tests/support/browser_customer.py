"""A customer of the demo shop, the shop as a server, and a clock for both."""

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
    """A clock that stands still until `pass_`."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 9, 3, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_(self, **by: float) -> None:
        self.moment += timedelta(**by)


class Customer:
    """A browser without a screen: it follows redirects, stores cookies and reads pages."""

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
        """Go to the checkout and return the page's parameters for IMP.request_pay."""
        page = await self.press("/orders", item=item, **fields)
        attribute = re.search(r'data-payment-request="(.*?)"\s+data-busy', page, re.DOTALL)
        assert attribute, page
        request: dict[str, Any] = json.loads(attribute[1])
        return request

    async def charge_button(self) -> str:
        """The order number of the next charge, from the page's button."""
        field = re.search(r'name="merchant_uid" value="([^"]+)"', await self.see("/my"))
        assert field, "no charge button on the page"
        return field[1]

    async def webhooks(self) -> list[dict[str, Any]]:
        async with self.session.get(f"{self.url}/webhooks.json") as answer:
            listed: list[dict[str, Any]] = await answer.json()
            return listed


@asynccontextmanager
async def running_shop(
    settings: Settings, listening: socket.socket, *, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Customer]:
    """Serve the shop and yield a customer of it."""
    shop = make_shop(settings, now=now)
    server = uvicorn.Server(uvicorn.Config(shop, log_config=None, ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.listen()  # connections wait from here on, so a slow start refuses none
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Customer(url, session)
    server.should_exit = True
    await serving

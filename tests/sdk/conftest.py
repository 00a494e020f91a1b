"""A shop's page in a real browser, with the real gateway and the KICC simulator behind it."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dasi.channels import add_channel
from dasi.checkout import routes
from dasi.engine import Engine
from dasi.foundation.clock import SystemClock
from dasi.foundation.db import open_database
from dasi.foundation.vault import Vault
from dasi.merchants import Merchant, add_merchant
from dasi.payments import Payment, find_payment
from dasi.providers.kicc import KiccProvider
from served import address_of, free_socket, served
from simulator_process import SimulatorProcess

CODE = "imp00000001"
ORDER = {"merchant_uid": "order-1", "name": "예가체프 원두 200g", "amount": 19_900}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36",
}
SCRIPT = Path(__file__).parents[2] / "sdk" / "imp.js"
SCREENS = os.environ.get("DASI_SCREENS")

PAGE = """<!doctype html><html lang="ko"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>다시 커피</title>
<script src="{gateway}/v1/iamport.js"></script></head>
<body><h1>다시 커피</h1><p>에티오피아 예가체프 원두 200g</p><button id="pay">결제하기</button>
<script type="application/json" id="param">{param}</script>
<script>
  window.results = [];
  window.pay = (more) => {{
    const param = Object.assign(JSON.parse(document.getElementById("param").textContent), more);
    IMP.init("{code}");
    {call}
  }};
  document.getElementById("pay").addEventListener("click", () => window.pay());
  if (location.search.includes("auto")) window.pay();
</script></body></html>"""
WITH_CALLBACK = "return IMP.request_pay(param, (rsp) => window.results.push(rsp));"
WITHOUT_CALLBACK = "return IMP.request_pay(param);"


@dataclass
class Mall:
    """Everything behind the page."""

    gateway_url: str
    shop_url: str
    engine: Engine
    merchant: Merchant
    kicc: SimulatorProcess
    param: dict[str, Any]
    call: str = WITH_CALLBACK
    close_answered: asyncio.Event = field(default_factory=asyncio.Event)

    def gateway(self) -> ASGIApp:
        """The checkout, which says when it has answered a close."""
        app = Starlette(routes=routes(self.engine))

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            if scope["path"].endswith("/close"):
                self.close_answered.set()

        return watched

    async def payment(self, imp_uid: str) -> Payment:
        """The payment as the gateway has it."""
        return await find_payment(self.engine, self.merchant.merchant_id, imp_uid)

    async def window_token(self) -> str:
        """The token of the one window there is."""
        (row,) = await self.engine.database.fetch("SELECT window_token FROM window_orders")
        return str(row["window_token"])

    async def page(self, browser: Browser | BrowserContext, **context: Any) -> Page:
        """The shop's page, open."""
        if isinstance(browser, Browser):
            browser = await browser.new_context(**{"locale": "ko-KR", **context})
        page = await browser.new_page()
        await page.goto(f"{self.shop_url}/")
        return page

    def html(self, request: Request) -> Response:
        param = json.dumps(self.param).replace("<", "\\u003c")
        made = PAGE.format(gateway=self.gateway_url, param=param, code=CODE, call=self.call)
        return HTMLResponse(made)


# A browser and a simulator take a second each to start: one of both for all tests of this folder,
# which therefore share a loop. What a test did in them is gone after it.


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def simulator() -> AsyncIterator[SimulatorProcess]:
    async with SimulatorProcess() as kicc:
        yield kicc


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Popups are blocked as in a payer's own browser: without a touch none opens."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (Debian: apt install chromium fonts-noto-cjk)")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=ARGUMENTS,
            ignore_default_args=["--disable-popup-blocking"],
        )
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser, mall: Mall) -> AsyncIterator[Browser]:
    """Closed before the gateway is, so that no page asks a gateway that is going."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def mall(database_url: str, simulator: SimulatorProcess) -> AsyncIterator[Mall]:
    await simulator.reset()
    database = await open_database(database_url, connections_max=8, statement_timeout_s=30)
    clock, url = SystemClock(), simulator.base_url
    provider = KiccProvider(sandbox_url=url, live_url=url, clock=clock, connections_max=8)
    listening = free_socket()
    engine = Engine(
        database=database,
        clock=clock,
        vault=Vault([bytes(32)]),
        providers={"kicc": provider},
        public_url=address_of(listening),
        window_life_s=1800,
    )
    mall = Mall("", "", engine, await open_shop(engine), simulator, {**ORDER})
    shop = Starlette(
        routes=[
            Route("/", mall.html),
            Route("/done", lambda _request: HTMLResponse("<h1>끝")),
            Route("/copy.js", lambda _request: FileResponse(SCRIPT)),
        ]
    )
    try:
        async with (
            served(mall.gateway(), listening) as mall.gateway_url,
            served(shop) as mall.shop_url,
        ):
            yield mall
    finally:
        await provider.close()
        await database.close()


async def open_shop(engine: Engine) -> Merchant:
    merchant = await add_merchant(engine, code=CODE, name="다시 커피", webhook_url=None)
    await add_channel(
        engine,
        merchant,
        provider="kicc",
        mall_id="T0021766",
        secret="easypay!KICCTEST",
        is_sandbox=True,
        is_default=True,
    )
    return merchant


async def shot(page: Page, name: str) -> None:
    """A picture of the page for people, when `DASI_SCREENS` names a folder."""
    if SCREENS:
        await page.screenshot(path=f"{SCREENS}/{name}.png", full_page=True)

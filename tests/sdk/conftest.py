"""A shop's page in a real browser, with the real gateway and the KICC simulator behind it."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dasi.app import create_app, open_engine
from dasi.channels import add_channel
from dasi.engine import Engine
from dasi.foundation.vault import new_key
from dasi.merchants import add_api_key, add_merchant
from dasi.settings import read_settings
from support.served_app import address_of, free_socket, served
from support.simulator_process import SimulatorProcess

CODE = "imp00000001"
KEYS = {"imp_key": "imp_apikey", "imp_secret": "secret-of-the-shop-0123456789"}
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
_TOKEN = re.compile(rb"\"window_token\": ?\"([^\"]+)\"")


@dataclass
class SdkFixture:
    """Everything behind the page."""

    gateway_url: str
    shop_url: str
    engine: Engine
    kicc: SimulatorProcess
    rest: aiohttp.ClientSession
    param: dict[str, Any] = field(default_factory=lambda: {**ORDER})
    call: str = WITH_CALLBACK
    page_headers: dict[str, str] = field(default_factory=dict)
    close_answered: asyncio.Event = field(default_factory=asyncio.Event)
    issued_token: str = ""
    """Of the newest window. The database holds its hash only."""

    def watched(self, app: ASGIApp) -> ASGIApp:
        """The gateway, which says when it has answered a close, and which token it has issued."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            async def read(message: Message) -> None:
                token = _TOKEN.search(message.get("body", b""))
                if scope["path"].endswith("/windows") and token:
                    self.issued_token = token[1].decode()
                await send(message)

            await app(scope, receive, read)
            if scope["path"].endswith("/close"):
                self.close_answered.set()

        return watched

    async def only_imp_uid(self) -> str:
        """The number of the one payment that there is."""
        (row,) = await self.engine.database.fetch("SELECT imp_uid FROM payments")
        return str(row["imp_uid"])

    async def payment(self, imp_uid: str) -> dict[str, Any]:
        """The payment as the shop's server reads it, which is what a shop goes by."""
        async with self.rest.post(f"{self.gateway_url}/users/getToken", json=KEYS) as answer:
            token = (await answer.json())["response"]["access_token"]
        address = f"{self.gateway_url}/payments/{imp_uid}"
        async with self.rest.get(address, headers={"Authorization": token}) as answer:
            response: dict[str, Any] = (await answer.json())["response"]
            return response

    async def page(self, browser: Browser | BrowserContext, **context: Any) -> Page:
        """The shop's page, open."""
        if isinstance(browser, Browser):
            browser = await browser.new_context(**{"locale": "ko-KR", **context})
        page = await browser.new_page()
        await page.goto(f"{self.shop_url}/")
        return page

    def shop(self) -> ASGIApp:
        """The shop's web site."""
        return Starlette(
            routes=[
                Route("/", self.html),
                Route("/done", lambda _request: HTMLResponse("<h1>끝")),
                Route("/copy.js", lambda _request: FileResponse(SCRIPT)),
            ]
        )

    def html(self, request: Request) -> Response:
        param = json.dumps(self.param).replace("<", "\\u003c")
        made = PAGE.format(gateway=self.gateway_url, param=param, code=CODE, call=self.call)
        return HTMLResponse(made, headers=self.page_headers)


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
async def browser(chromium: Browser, sdk: SdkFixture) -> AsyncIterator[Browser]:
    """Closed before the gateway is, so that no page asks a gateway that is going."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def sdk(database_url: str, simulator: SimulatorProcess) -> AsyncIterator[SdkFixture]:
    await simulator.reset()
    listening = free_socket()
    settings = read_settings(
        {
            "DASI_DATABASE_URL": database_url,
            "DASI_PUBLIC_URL": address_of(listening),
            "DASI_VAULT_KEYS": new_key(),
            "DASI_KICC_SANDBOX_URL": simulator.base_url,
            "DASI_INLINE_LOOKUP_DELAY_S": "0",  # a lost answer stays unresolved during a test
        }
    )
    async with open_engine(settings) as engine, aiohttp.ClientSession() as rest:
        await add_shop(engine)
        sdk = SdkFixture("", "", engine, simulator, rest)
        gateway = sdk.watched(create_app(engine, settings))
        async with (
            served(gateway, listening) as sdk.gateway_url,
            served(sdk.shop()) as sdk.shop_url,
        ):
            yield sdk


async def add_shop(engine: Engine) -> None:
    merchant = await add_merchant(engine, code=CODE, name="다시 커피", webhook_url=None)
    await add_api_key(engine, merchant, api_key=KEYS["imp_key"], api_secret=KEYS["imp_secret"])
    await add_channel(
        engine,
        merchant,
        provider="kicc",
        pg_merchant_id="T0021766",
        secret="easypay!KICCTEST",
        is_sandbox=True,
        is_default=True,
    )


async def pay(page: Page) -> Page:
    """The payer presses the shop's button; the PG's window."""
    async with page.expect_popup() as opening:
        await page.click("#pay")
    popup = await opening.value
    await popup.wait_for_selector("button[value=approve]")
    return popup


async def heard(page: Page) -> dict:
    """The one result the callback was given."""
    await page.wait_for_function("window.results.length > 0")
    results = await page.evaluate("window.results")
    assert len(results) == 1
    return results[0]


async def shot(page: Page, name: str) -> None:
    """A picture of the page for people, when `DASI_SCREENS` names a folder."""
    if SCREENS:
        await page.screenshot(path=f"{SCREENS}/{name}.png", full_page=True)


async def results_read(page: Page, count: int) -> None:
    """Wait until the SDK or its frame has asked for the window's result as often as `count`."""
    for _ in range(count):
        await page.wait_for_event("response", lambda response: response.url.endswith("/result"))

"""The window and the console in a real browser: by keyboard, on a phone, across origins."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect

from support.simulator_merchant import Merchant

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


class Shop:
    """The merchant's return address, on an origin of its own."""

    def __init__(self) -> None:
        self.posts: asyncio.Queue[list[tuple[str, str]]] = asyncio.Queue()
        self.cookies: list[str] = []
        self.content_types: list[str] = []
        self.url = ""

    async def home(self, _request: web.BaseRequest) -> web.Response:
        answer = web.Response(text="<p>shop", content_type="text/html")
        answer.set_cookie("session", "s1", samesite="Lax")
        return answer

    async def receive(self, request: web.BaseRequest) -> web.Response:
        body = (await request.read()).decode()
        self.cookies.append(request.headers.get("Cookie", ""))
        self.content_types.append(request.headers["Content-Type"])
        self.posts.put_nowait(parse_qsl(body, keep_blank_values=True))
        return web.Response(text="<h1>done</h1>", content_type="text/html")


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """A shop that listens on localhost, while the simulator is 127.0.0.1: another site."""
    receiving = Shop()
    app = web.Application()
    app.router.add_get("/", receiving.home)
    app.router.add_post("/return", receiving.receive)
    async with TestServer(app) as server:
        receiving.url = f"http://localhost:{server.port}"
        yield receiving


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (Debian: apt install chromium fonts-noto-cjk)")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        await opened.close()


async def open_window(page: Page, merchant: Merchant, shop: Shop, **changes: object) -> None:
    body = merchant.register_body(returnUrl=f"{shop.url}/return", **changes)
    registered = await merchant.register(body)
    await page.goto(f"{shop.url}/")
    await page.goto(registered["authPageUrl"])


async def test_a_payer_approves_by_keyboard_and_the_browser_posts_the_return(
    merchant: Merchant, shop: Shop, browser: Browser
) -> None:
    page = await browser.new_page(viewport={"width": 720, "height": 680})
    await open_window(page, merchant, shop, shopValueInfo={"value1": "하나 둘"})
    await expect(page.get_by_label("카드번호")).to_be_focused()
    await page.keyboard.press("Enter")
    fields = dict(await asyncio.wait_for(shop.posts.get(), 10))
    await expect(page.get_by_role("heading", name="done")).to_be_visible()
    assert fields["resCd"] == "0000"
    assert fields["shopValue1"] == "하나 둘"
    assert len(fields) == 11
    assert shop.content_types == ["application/x-www-form-urlencoded"]
    assert shop.cookies == [""], "a cross-site post must not carry a SameSite=Lax cookie"


@pytest.mark.parametrize(("button", "code"), [("취소", "W002"), ("실패", "ZS15")])
async def test_a_payer_cancels_or_fails(
    merchant: Merchant, shop: Shop, browser: Browser, button: str, code: str
) -> None:
    page = await browser.new_page()
    await open_window(page, merchant, shop)
    await page.get_by_role("button", name=button, exact=True).click()
    fields = dict(await asyncio.wait_for(shop.posts.get(), 10))
    assert fields["resCd"] == code


async def test_escape_closes_and_nothing_is_sent(
    merchant: Merchant, shop: Shop, browser: Browser
) -> None:
    page = await browser.new_page()
    await open_window(page, merchant, shop)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("status")).to_contain_text("아무것도 전송되지 않습니다")
    assert shop.posts.empty()


async def test_double_post_arrives_twice(merchant: Merchant, shop: Shop, browser: Browser) -> None:
    await merchant.kicc.settings(double_post=True)
    page = await browser.new_page()
    await open_window(page, merchant, shop)
    await page.get_by_role("button", name="승인", exact=True).click()
    first = await asyncio.wait_for(shop.posts.get(), 10)
    second = await asyncio.wait_for(shop.posts.get(), 10)
    assert first == second


@pytest.mark.parametrize(
    ("width", "height"), [(720, 680), (500, 850), (390, 844)], ids=["pc", "phone", "small"]
)
async def test_the_buttons_are_in_sight_and_nothing_scrolls_sideways(
    merchant: Merchant, shop: Shop, browser: Browser, width: int, height: int
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": height})
    await open_window(page, merchant, shop, amount=129_000, payMethodTypeCode="00")
    for name in ("승인", "취소", "실패", "닫기"):
        button = page.get_by_role("button", name=name, exact=True)
        await expect(button).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_choosing_a_bank_account_hides_the_card(
    merchant: Merchant, shop: Shop, browser: Browser
) -> None:
    page = await browser.new_page()
    await open_window(page, merchant, shop, payMethodTypeCode="00")
    await page.get_by_text("가상계좌").click()
    await expect(page.get_by_label("카드번호")).to_be_hidden()
    await expect(page.get_by_label("은행")).to_be_visible()


@pytest.mark.parametrize("width", [1_280, 390])
async def test_every_tab_of_the_console_fits_and_loads_nothing_from_elsewhere(
    merchant: Merchant, browser: Browser, width: int
) -> None:
    key = await merchant.issue_key()
    await merchant.charge(key)
    page = await browser.new_page(viewport={"width": width, "height": 844}, locale="ko-KR")
    requested_urls: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requested_urls.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    await page.goto(f"{merchant.kicc.base_url}/_simulator/")
    for tab in ("빌링키", "장애", "노티", "로그", "가맹점", "거래"):
        await page.get_by_role("link", name=tab, exact=True).click()
        await expect(page.get_by_role("link", name=tab, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
        assert await page.evaluate("document.documentElement.scrollWidth") == width, tab
    assert problems == []
    assert all(url.startswith((merchant.kicc.base_url, "data:")) for url in requested_urls)
    assert key not in await page.content()


async def test_the_consoles_buttons_work_and_it_refreshes_itself(
    merchant: Merchant, browser: Browser
) -> None:
    key = await merchant.issue_key()
    page = await browser.new_page(locale="ko-KR")
    await page.goto(f"{merchant.kicc.base_url}/_simulator/console/faults")
    await page.locator("form[data-post='/hold'] button").click()
    await expect(page.get_by_text("다음 요청을 기다림")).to_be_visible()
    charging = asyncio.create_task(merchant.charge(key, shopOrderNo="HELD-1"))
    await expect(page.locator(".held")).to_contain_text("HELD-1", timeout=10_000)
    await page.get_by_role("button", name="응답 보내기").click()
    assert (await charging)["resCd"] == "0000"
    await page.get_by_label("strict_dates").uncheck()
    await expect(page.get_by_label("strict_dates")).not_to_be_checked()
    settings = await merchant.kicc.control("GET", "/settings")
    assert settings["strict_dates"] is False
    day = await merchant.kicc.today()
    await page.get_by_role("button", name="자정으로").click()
    await expect(page.locator("time").first).to_contain_text("00:00")
    assert await merchant.kicc.today() > day


async def test_the_console_speaks_english_too(merchant: Merchant, browser: Browser) -> None:
    page = await browser.new_page(locale="en-GB")
    await page.goto(f"{merchant.kicc.base_url}/_simulator/")
    await expect(page.get_by_role("heading", name="Transactions")).to_be_visible()
    await page.get_by_role("link", name="한국어").click()
    await expect(page.get_by_role("heading", name="거래")).to_be_visible()

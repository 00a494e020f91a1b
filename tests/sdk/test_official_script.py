"""A page that keeps Iamport's own script: list, frame, request, result, as that script does it."""

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from sdk.conftest import CODE, PHONE, heard, results_read
from support.served_app import served

pytestmark = pytest.mark.asyncio(loop_scope="session")
SCRIPT = (Path(__file__).parent / "frame_protocol.js").read_text()


@pytest_asyncio.fixture(loop_scope="session")
async def shop_page(sdk, browser):
    """Opens a shop's page with the frame in it, ready."""
    html = ""
    headers: dict[str, str] = {}
    shop = Starlette(routes=[Route("/", lambda _request: HTMLResponse(html, headers=headers))])

    async def opened(*, style="old", code=CODE, opener_policy="unsafe-none", **context):
        nonlocal html
        headers["Cross-Origin-Opener-Policy"] = opener_policy
        order = {"gateway": sdk.gateway_url, "code": code, "style": style, "param": sdk.param}
        html = (
            '<!doctype html><meta charset="utf-8"><button id="pay">결제하기</button>'
            f'<script type="application/json" id="order">{json.dumps(order)}</script>'
            f"<script>{SCRIPT}</script>"
        )
        page = await (await browser.new_context(locale="ko-KR", **context)).new_page()
        await page.goto(url)
        await page.wait_for_function("window.isReady || window.results.length")
        return page

    async with served(shop) as url:
        yield opened


async def pay(page):
    """The payer touches the shop's button, and the frame's if the browser wants that too."""
    frame = page.frame_locator("iframe")
    async with page.context.expect_page() as opening:
        await page.click("#pay")
        await expect(frame.locator("[data-show=opening]")).to_be_hidden()
        button = frame.get_by_role("button", name="결제 창 열기")
        if await button.is_visible():
            await button.click()
    popup = await opening.value
    await popup.wait_for_selector("button[value=approve]")
    return popup


@pytest.mark.parametrize("style", ["old", "new"])
async def test_a_payment_on_a_pc_is_done_once(sdk, shop_page, style):
    sdk.param |= {"custom_data": {"a": 1}, "buyer_name": "홍길동"}
    page = await shop_page(style=style)
    channel = (await page.evaluate("window.channels"))["data"][0]
    assert (channel["pg_provider"], channel["pg_id"]) == ("kicc", "T0021766")
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert (rsp["success"], rsp["status"], rsp["paid_amount"]) == (True, "paid", 19_900)
    assert rsp["custom_data"] == {"a": 1}
    assert await page.evaluate("window.said") == ["done"]
    await expect(page.locator("iframe")).to_be_hidden()
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "paid"


@pytest.mark.parametrize("style", ["old", "new"])
async def test_a_card_is_registered_on_a_pc(sdk, shop_page, style):
    sdk.param |= {"customer_uid": "buyer-1", "amount": 0, "pg": "kicc.T0021766"}
    page = await shop_page(style=style)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert (rsp["success"], rsp["paid_amount"]) == (True, 0)
    assert (await sdk.payment(rsp["imp_uid"]))["customer_uid_usage"] == "issue"


async def test_a_window_closed_by_the_payer_is_done_when_the_payer_says_so(sdk, shop_page):
    page = await shop_page()
    popup = await pay(page)
    frame = page.frame_locator("iframe")

    await popup.close()
    await expect(frame.get_by_role("heading")).to_contain_text("결제 창에서 계속해 주십시오")
    assert await page.evaluate("window.results.length") == 0
    await frame.get_by_role("button", name="취소").click()

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "failed"


async def test_a_page_that_cannot_hold_its_window_is_paid(sdk, shop_page):
    """`Cross-Origin-Opener-Policy: same-origin`: `window.open` opens, and returns null."""
    page = await shop_page(opener_policy="same-origin")
    popup = await pay(page)
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_role("heading")).to_contain_text("결제 창에서 계속해 주십시오")
    await results_read(page, 3)
    assert await page.evaluate("window.results.length") == 0

    await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert (rsp["success"], rsp["status"]) == (True, "paid")
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "paid"


async def test_a_browser_that_opens_no_window_leads_on_in_the_page(sdk, shop_page):
    sdk.param |= {"m_redirect_url": f"{sdk.shop_url}/done"}
    page = await shop_page()
    frame = page.frame_locator("iframe")
    await page.frames[1].evaluate("window.open = () => null")
    await page.click("#pay")
    await frame.get_by_role("button", name="결제 창 열기").click()
    await frame.get_by_role("button", name="이 화면에서 계속하기").click()

    await page.wait_for_selector("button[value=approve]")
    await page.click("button[value=approve]")

    await page.wait_for_url("**/done?**")
    query = dict(parse_qsl(urlsplit(page.url).query))
    assert query["imp_success"] == "true"
    assert len((await sdk.kicc.state())["transactions"]) == 1


async def test_the_frames_own_cancel_ends_the_order(sdk, shop_page):
    page = await shop_page()
    await page.click("#pay")
    await page.frame_locator("iframe").get_by_role("button", name="취소").click()

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")


async def test_a_refusal_is_done_without_a_window(sdk, shop_page):
    sdk.param |= {"pay_method": "vbank"}
    page = await shop_page()
    await page.click("#pay")

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"], rsp["imp_uid"]) == (False, "F400", None)


async def test_an_unknown_merchant_gets_no_channels_and_the_reason(sdk, shop_page):
    page = await shop_page(style="new", code="imp99999999")

    rsp = await heard(page)
    assert rsp["error_code"] == "NOT_READY"
    assert "imp99999999" in rsp["error_msg"]


@pytest.mark.parametrize("style", ["old", "new"])
@pytest.mark.parametrize("more", [{}, {"customer_uid": "buyer-1", "amount": 0}])
async def test_a_phones_page_goes_to_the_window_and_comes_back(sdk, shop_page, more, style):
    sdk.param |= {"m_redirect_url": f"{sdk.shop_url}/done?cart=7", **more}
    page = await shop_page(style=style, **PHONE)
    await page.click("#pay")

    await page.click("button[value=approve]")

    await page.wait_for_url("**/done?**")
    query = dict(parse_qsl(urlsplit(page.url).query))
    assert (query["cart"], query["imp_success"]) == ("7", "true")
    payment = await sdk.payment(query["imp_uid"])
    assert (payment["status"], payment["channel"]) == ("paid", "mobile")
    assert payment["customer_uid_usage"] == ("issue" if more else None)

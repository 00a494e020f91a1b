"""The console by keyboard alone: every stop can be seen, none is a trap, and acts can be done."""

import pytest
from playwright.async_api import Page, expect

from console.http_browser import PASSWORD, add_member
from console.screen import CHROMIUM, opened_browser, opened_page
from dasi.audit import ClientInfo
from dasi.authentication import sign_in
from dasi.users import Role
from support.gateway_merchant import MerchantClient

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt install chromium)")
HERE = "/console/merchants/imp00000001"
_STOPS_MAX = 120
_STOP = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  if (one === document.body) return null;
  const style = getComputedStyle(one);
  return {
    name: one.outerHTML.slice(0, 160),
    isShown: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight
      && box.right > 0 && box.left < innerWidth,
    hasRing: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""


async def signed_in_page(page: Page, client: MerchantClient) -> None:
    session = await sign_in(
        client.engine,
        email=await add_member(client, Role.OPERATOR),
        password=PASSWORD,
        client=ClientInfo(address="127.0.0.1", user_agent="test"),
    )
    cookie = {"name": "dasi_session", "value": session.cookie, "url": f"{client.url}/console"}
    await page.context.add_cookies([cookie])


async def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the focus is there."""
    for _ in range(_STOPS_MAX):
        await page.keyboard.press("Tab")
        if await page.evaluate("(one) => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"Tab never comes to {selector}")


async def what_is_wrong_with_the_stops(page: Page) -> list[str]:
    """Tab through the whole page: stops that cannot be seen, or a page that never ends."""
    wrong: list[str] = []
    for _ in range(_STOPS_MAX):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(_STOP)
        if stop is None:
            return wrong
        if not (stop["isShown"] and stop["hasRing"]):
            wrong.append(stop["name"])
    return [*wrong, "Tab never leaves the page"]


async def test_a_payment_is_found_and_cancelled_without_a_mouse(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1", buyer_name="한지민")
    await gateway.again(merchant_uid="wanted", amount=31_700, name="원두")
    async with opened_browser() as browser, opened_page(browser) as page:
        await signed_in_page(page, gateway)
        await page.goto(f"{gateway.url}{HERE}/payments")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#main")).to_be_focused()
        await tab_to(page, "input[name=q]")
        await page.keyboard.type("31,700")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**q=31*")
        await tab_to(page, ".keep summary")
        await page.keyboard.press("Enter")
        await tab_to(page, ".keep input[name=name]")
        await page.keyboard.type("비싼 것")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("필터를 저장했습니다")
        assert await what_is_wrong_with_the_stops(page) == []
        await tab_to(page, "a.row-link")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/payments/imp_*")
        assert await what_is_wrong_with_the_stops(page) == []
        await tab_to(page, "#cancel input[name=amount]")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("1,700")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/cancel?amount=*")
        await tab_to(page, "input[name=reason]")
        await page.keyboard.type("변심")
        await page.keyboard.press("Enter")
        await expect(page.locator(".summary")).to_contain_text("30,000")


@pytest.mark.parametrize("path", ["", "/schedules", "/unresolved", "/keys"])
async def test_every_stop_can_be_seen(gateway: MerchantClient, path: str) -> None:
    await gateway.register_card("card-1")
    await gateway.kicc.scenario("executed_answer_cut", "batch")
    await gateway.again(merchant_uid="lost")
    async with opened_browser() as browser, opened_page(browser) as page:
        await signed_in_page(page, gateway)
        await page.goto(f"{gateway.url}{HERE}{path}")
        assert await what_is_wrong_with_the_stops(page) == []


async def test_a_page_that_renews_itself_takes_nothing_from_its_reader(
    gateway: MerchantClient,
) -> None:
    """Open details and the focus survive the renewal of a page with an unresolved attempt."""
    await gateway.register_card("card-1")
    await gateway.kicc.scenario("executed_answer_cut", "batch")
    await gateway.again(merchant_uid="lost")
    (row,) = await gateway.rows("SELECT imp_uid FROM payments WHERE status = 'pending'")
    async with opened_browser() as browser, opened_page(browser) as page:
        await signed_in_page(page, gateway)
        await page.goto(f"{gateway.url}{HERE}/payments/{row['imp_uid']}")
        await tab_to(page, ".timeline summary")
        await page.keyboard.press("Enter")
        shown = page.locator(".timeline details[open]")
        await expect(shown).to_have_count(1)
        text = await shown.inner_text()
        for _ in range(2):
            async with page.expect_response(lambda answer: row["imp_uid"] in answer.url):
                pass
        await expect(page.locator(".htmx-request, .htmx-swapping")).to_have_count(0)
        assert await shown.inner_text() == text
        await expect(shown.locator("summary")).to_be_focused()

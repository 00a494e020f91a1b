"""The shop on the real line: browser or scripted payer, gateway, PostgreSQL, KICC simulator."""

import asyncio

from playwright.async_api import Browser, Page, expect

from support.e2e_shop import E2eShop

PHONE_AGENT = "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0.0.0 Mobile Safari/537.36"


async def test_a_subscription_is_paid_once_and_its_webhook_arrives(e2e_shop: E2eShop) -> None:
    page = await e2e_shop.subscribe()

    assert "결제 완료" in page
    assert "신한카드" in page
    assert await e2e_shop.charges_at_kicc() == [14_900]
    await e2e_shop.deliverer.run_due()
    assert {hook["verdict"] for hook in await e2e_shop.customer.webhooks()} == {"agrees"}


async def test_pressing_twice_takes_the_money_once(e2e_shop: E2eShop) -> None:
    await e2e_shop.subscribe()
    name = await e2e_shop.customer.charge_button()
    await asyncio.gather(
        *(e2e_shop.customer.press("/my/charge", merchant_uid=name) for _ in range(2)),
    )
    assert await e2e_shop.charges_at_kicc() == [14_900, 14_900]


async def test_a_lost_answer_is_said_to_be_in_doubt_and_nothing_more_is_charged(
    e2e_shop: E2eShop,
) -> None:
    await e2e_shop.subscribe()
    await e2e_shop.kicc.scenario("executed_bad_gateway", "batch")
    name = await e2e_shop.customer.charge_button()

    page = await e2e_shop.customer.press("/my/charge", merchant_uid=name)

    assert "다시 결제하지 마세요" in page
    assert "disabled" in page
    await e2e_shop.customer.press(
        "/my/charge", merchant_uid=await e2e_shop.customer.charge_button()
    )
    assert await e2e_shop.charges_at_kicc() == [14_900, 14_900]


async def test_a_declined_charge_shows_the_card_companys_words(e2e_shop: E2eShop) -> None:
    await e2e_shop.subscribe()
    await e2e_shop.kicc.scenario("refused", "batch", code="8521")
    page = await e2e_shop.customer.press(
        "/my/charge", merchant_uid=await e2e_shop.customer.charge_button()
    )
    assert "한도초과" in page
    assert await e2e_shop.charges_at_kicc() == [14_900]


async def _choose(page: Page, e2e_shop: E2eShop, item: str) -> None:
    await page.goto(e2e_shop.customer.url)
    await page.locator(f".item-{item} button").click()
    await expect(page.locator("#pay button")).to_be_enabled()


async def test_on_a_computer_the_window_is_a_popup_and_the_page_learns_of_it(
    e2e_shop: E2eShop, browser: Browser
) -> None:
    page = await browser.new_page(locale="ko-KR")
    await _choose(page, e2e_shop, "office")
    async with page.expect_popup() as popup:
        await page.locator("#pay button").click()
    window = await popup.value
    await window.locator("button[value=approve]").click()

    await page.wait_for_url("**/my")

    await expect(page.locator(".rows .paid").first).to_have_text("결제 완료")
    assert await e2e_shop.charges_at_kicc() == [52_000]


async def test_giving_up_charges_nothing_and_says_so(e2e_shop: E2eShop, browser: Browser) -> None:
    page = await browser.new_page(locale="ko-KR")
    await _choose(page, e2e_shop, "dripper")
    async with page.expect_popup() as popup:
        await page.locator("#pay button").click()
    window = await popup.value
    await window.locator("button[value=approve]").wait_for()
    await window.close()
    await page.get_by_role("button", name="그만두기").click()

    await expect(page.locator("main > section > .notice.bad")).to_contain_text(
        "결제되지 않았습니다"
    )
    assert await e2e_shop.charges_at_kicc() == []


async def test_on_a_phone_the_page_itself_goes_there_and_back(
    e2e_shop: E2eShop, browser: Browser
) -> None:
    context = await browser.new_context(
        user_agent=PHONE_AGENT, viewport={"width": 390, "height": 844}, locale="ko-KR"
    )
    page = await context.new_page()
    await _choose(page, e2e_shop, "drip-bags")
    await page.locator("#pay button").click()
    await page.locator("button[value=approve]").click()

    await page.wait_for_url("**/orders/**")

    await expect(page.locator("h1")).to_have_text("주문이 완료되었습니다")
    assert await e2e_shop.charges_at_kicc() == [12_000]

"""On a PC: the window is a popup, and the callback hears exactly one result."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.async_api import expect

from sdk.conftest import CODE, WITHOUT_CALLBACK, heard, pay, results_read, shot

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_payment_is_heard_by_the_callback_once(sdk, browser):
    sdk.param |= {"buyer_name": "홍길동", "buyer_tel": "010-1234-5678", "custom_data": {"a": 1}}
    page = await sdk.page(browser)
    popup = await pay(page)
    await expect(page.get_by_role("dialog")).to_contain_text("결제 창이 열려 있습니다")
    await shot(page, "layer-open")
    await shot(popup, "window-of-the-simulator")

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert rsp["success"] is True
    assert rsp["status"] == "paid"
    assert rsp["paid_amount"] == 19_900
    assert rsp["custom_data"] == {"a": 1}
    payment = await sdk.payment(rsp["imp_uid"])
    assert (payment["status"], payment["amount"]) == ("paid", 19_900)
    assert payment["pg_tid"] == rsp["pg_tid"]
    assert payment["channel"] == "pc"
    repeated_fields = ("merchant_uid", "name", "currency", "pg_provider", "apply_num", "paid_at")
    repeated_fields += ("card_name", "card_number", "card_quota", "receipt_url", "buyer_name")
    assert {name: rsp[name] for name in repeated_fields} == {
        name: payment[name] for name in repeated_fields
    }
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_card_is_registered_and_nothing_is_charged(sdk, browser):
    sdk.param |= {"customer_uid": "buyer-1", "amount": 0}
    page = await sdk.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert rsp["success"] is True
    assert rsp["paid_amount"] == 0
    payment = await sdk.payment(rsp["imp_uid"])
    assert (payment["customer_uid_usage"], payment["status"], payment["amount"]) == (
        "issue",
        "paid",
        0,
    )
    assert payment["customer_uid"] == "buyer-1"


async def test_a_cancel_in_the_window_is_heard_with_the_words_of_the_pg(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=cancel]")

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert rsp["error_msg"].startswith(f"F0005:결제가 중단되었습니다({rsp['imp_uid']}).W002 | ")
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "failed"


async def test_a_window_that_is_closed_ends_the_payment_when_the_payer_says_so(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)
    dialog = page.get_by_role("dialog")

    await popup.close()
    await expect(dialog).to_contain_text("창을 닫았으면 다시 열 수 있습니다")
    await shot(page, "layer-gone")
    assert await page.evaluate("window.results.length") == 0
    await dialog.get_by_role("button", name="그만두기").click()

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "failed"
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_window_that_is_closed_can_be_opened_again(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)
    await popup.close()

    async with page.expect_popup() as opening:
        await page.get_by_role("button", name="결제 창 다시 열기").click()
    async with (await opening.value).expect_event("close"):
        await (await opening.value).click("button[value=approve]")

    assert (await heard(page))["success"] is True
    assert len((await sdk.kicc.state())["transactions"]) == 1


async def test_a_page_that_loses_its_popup_is_paid_while_the_payer_takes_time(sdk, browser):
    """`Cross-Origin-Opener-Policy: same-origin`, Helmet's default: `closed` is true at once."""
    sdk.page_headers |= {"Cross-Origin-Opener-Policy": "same-origin"}
    page = await sdk.page(browser)
    dialog = page.get_by_role("dialog")
    async with page.context.expect_page() as opening:
        await page.click("#pay")
    await expect(dialog).to_contain_text("결제 창")
    await expect(dialog.get_by_role("button", name="결제 창", exact=False).first).to_be_visible()
    popup = await opening.value
    if await dialog.get_by_role("button", name="결제 창 열기").count():
        async with page.context.expect_page() as opening:
            await dialog.get_by_role("button", name="결제 창 열기").click()
        popup = await opening.value
    await popup.wait_for_selector("button[value=approve]")
    await expect(dialog).to_contain_text("결제 창에서 계속해 주십시오")
    await results_read(page, 4)  # longer than the grace
    assert await page.evaluate("window.results.length") == 0

    await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert (rsp["success"], rsp["status"]) == (True, "paid")
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "paid"
    await expect(dialog).to_have_count(0)


async def test_a_browser_that_opens_no_window_leads_on_in_the_same_page(sdk, browser):
    """A web view: `window.open` returns null, in the payer's gesture too."""
    sdk.param |= {"m_redirect_url": f"{sdk.shop_url}/done"}
    page = await sdk.page(browser)
    await page.evaluate("window.open = () => null")
    await page.click("#pay")
    await page.get_by_role("button", name="결제 창 열기").click()

    await page.wait_for_selector("button[value=approve]")
    await page.click("button[value=approve]")

    await page.wait_for_url("**/done?**")
    query = dict(parse_qsl(urlsplit(page.url).query))
    assert query["imp_success"] == "true"
    assert (await sdk.payment(query["imp_uid"]))["status"] == "paid"
    assert len((await sdk.kicc.state())["transactions"]) == 1


async def test_giving_up_on_the_page_closes_the_window(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await page.get_by_role("button", name="그만두기").click()

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "failed"


async def test_escape_loses_nothing_and_the_keyboard_stays_in_the_layer(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)
    dialog = page.get_by_role("dialog")
    await page.bring_to_front()
    await expect(dialog.get_by_role("button", name="창 다시 보기")).to_be_focused()

    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(dialog.get_by_role("button", name="그만두기")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(dialog.get_by_role("button", name="창 다시 보기")).to_be_focused()

    assert await page.evaluate("window.results.length") == 0
    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")
    assert (await heard(page))["success"] is True


async def test_a_blocked_popup_is_opened_by_a_touch_of_the_layer(sdk, browser):
    page = await sdk.page(browser)
    await page.goto(f"{sdk.shop_url}/?auto")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("브라우저가 결제 창을 막았습니다")
    await shot(page, "layer-blocked")

    async with page.expect_popup() as opening:
        await dialog.get_by_role("button", name="결제 창 열기").click()
    popup = await opening.value
    await expect(dialog).to_contain_text("결제 창이 열려 있습니다")
    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    assert (await heard(page))["success"] is True


async def test_giving_up_on_a_blocked_popup_is_heard(sdk, browser):
    page = await sdk.page(browser)
    await page.goto(f"{sdk.shop_url}/?auto")

    await page.get_by_role("button", name="그만두기").click()

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "failed"


async def test_a_return_posted_twice_is_heard_once_and_paid_once(sdk, browser):
    await sdk.kicc.settings(double_post=True)
    page = await sdk.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert rsp["success"] is True
    books = await sdk.kicc.state()
    assert len(books["transactions"]) == 1


async def test_reload_and_back_in_the_window_change_nothing(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)
    await popup.reload()
    await popup.wait_for_selector("button[value=approve]")
    await popup.goto(f"{sdk.gateway_url}/checkout/{CODE}/opening")
    await popup.go_back()

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "paid"


async def test_the_result_is_heard_by_asking_when_the_window_lost_its_opener(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)
    await popup.add_init_script("window.opener = null")

    await popup.click("button[value=approve]")

    assert (await heard(page))["success"] is True


async def test_the_same_order_in_a_second_tab_is_refused_once_it_is_paid(sdk, browser):
    first = await sdk.page(browser)
    second = await sdk.page(first.context)
    first_popup, second_popup = await pay(first), await pay(second)
    async with first_popup.expect_event("close"):
        await first_popup.click("button[value=approve]")
    assert (await heard(first))["success"] is True

    async with second_popup.expect_event("close"):
        await second_popup.click("button[value=approve]")

    rsp = await heard(second)
    assert rsp["success"] is False
    assert "이미 결제가 이루어진 거래건입니다." in rsp["error_msg"]
    books = await sdk.kicc.state()
    assert len(books["transactions"]) == 1
    await second.reload()
    await second.click("#pay")
    again = await heard(second)
    assert (again["error_code"], again["imp_uid"]) == ("F1002", None)
    assert again["error_msg"] == "이미 결제가 이루어진 거래건입니다."


async def test_without_a_callback_the_result_goes_to_the_redirect_address(sdk, browser):
    sdk.call = WITHOUT_CALLBACK
    sdk.param["m_redirect_url"] = "/done?cart=7#top"
    page = await sdk.page(browser)
    popup = await pay(page)

    await popup.click("button[value=cancel]")

    await page.wait_for_url("**/done?**")
    assert "cart=7&imp_uid=imp_" in page.url
    assert "imp_success=false" in page.url
    assert page.url.endswith("#top")

"""On a phone: the whole page goes to the window, and the result comes to m_redirect_url."""

from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import expect

from sdk.conftest import CODE, PHONE, WITHOUT_CALLBACK, shot

pytestmark = pytest.mark.asyncio(loop_scope="session")


def result_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@pytest_asyncio.fixture(loop_scope="session")
async def page(sdk, browser):
    sdk.param["m_redirect_url"] = f"{sdk.shop_url}/done?cart=7#top"
    return await sdk.page(browser, **PHONE)


async def pay(page) -> None:
    await page.click("#pay")
    await page.wait_for_selector("button[value=approve]")


async def test_a_payment_comes_back_to_the_redirect_address(sdk, page):
    await shot(page, "phone-shop")
    await pay(page)
    await shot(page, "phone-window-of-the-simulator")

    await page.click("button[value=approve]")

    await page.wait_for_url("**/done?**")
    assert page.url.endswith("#top")
    query = result_of(page.url)
    assert (query["cart"], query["imp_success"], query["success"]) == ("7", "true", "true")
    assert query["merchant_uid"] == "order-1"
    assert "error_code" not in query
    payment = await sdk.payment(query["imp_uid"])
    assert (payment["status"], payment["channel"]) == ("paid", "mobile")


async def test_a_card_registration_comes_back_too(sdk, page):
    sdk.param |= {"customer_uid": "buyer-1", "amount": 0}
    await page.reload()
    await pay(page)

    await page.click("button[value=approve]")

    await page.wait_for_url("**/done?**")
    payment = await sdk.payment(result_of(page.url)["imp_uid"])
    assert (payment["customer_uid_usage"], payment["status"], payment["amount"]) == (
        "issue",
        "paid",
        0,
    )


async def test_a_cancel_comes_back_with_its_code_and_text(sdk, page):
    await pay(page)

    await page.click("button[value=cancel]")

    await page.wait_for_url("**/done?**")
    query = result_of(page.url)
    assert query["imp_success"] == "false"
    assert query["error_code"] == "F0005"
    assert "W002 | " in query["error_msg"]
    assert (await sdk.payment(query["imp_uid"]))["status"] == "failed"


async def test_the_browsers_own_back_leaves_the_page_usable_and_the_order_payable(sdk, page):
    await pay(page)
    await page.go_back()
    await expect(page.get_by_role("dialog")).to_have_count(0)

    await pay(page)
    await page.click("button[value=approve]")

    await page.wait_for_url("**/done?**")
    assert (await sdk.payment(result_of(page.url)["imp_uid"]))["status"] == "paid"


async def test_back_from_the_result_does_not_pay_again(sdk, page):
    await pay(page)
    await page.click("button[value=approve]")
    await page.wait_for_url("**/done?**")

    await page.go_back()
    await page.wait_for_load_state()

    books = await sdk.kicc.state()
    assert len(books["transactions"]) == 1


async def test_a_refusal_before_the_window_goes_to_the_callback(sdk, page):
    sdk.param |= {"pay_method": "trans"}
    await page.reload()

    await page.click("#pay")

    await page.wait_for_function("window.results.length === 1")
    rsp = (await page.evaluate("window.results"))[0]
    assert (rsp["success"], rsp["error_code"]) == (False, "F400")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_refusal_without_a_callback_goes_to_the_redirect_address(sdk, page):
    sdk.call = WITHOUT_CALLBACK
    sdk.param |= {"amount": -1}
    await page.reload()

    await page.click("#pay")

    await page.wait_for_url("**/done?**")
    query = result_of(page.url)
    assert (query["imp_success"], query["error_code"]) == ("false", "F400")
    assert "amount" in query["error_msg"]
    assert page.url.endswith("#top")


@pytest.mark.parametrize("address", ["javascript:document.title='run'", "data:text/html,run"])
async def test_an_address_a_browser_would_run_is_not_gone_to(sdk, page, address):
    sdk.call = WITHOUT_CALLBACK
    sdk.param["m_redirect_url"] = address
    await page.reload()

    await page.click("#pay")

    await page.wait_for_url("**/payments/fail?**")
    assert result_of(page.url)["error_code"] == "F400"


async def test_an_earlier_result_in_the_redirect_address_is_replaced(sdk, page):
    sdk.call = WITHOUT_CALLBACK
    sdk.param |= {
        "amount": -1,
        "m_redirect_url": f"{sdk.shop_url}/done?imp_success=true&imp_uid=imp_0&cart=7#top",
    }
    await page.reload()

    await page.click("#pay")

    await page.wait_for_url("**/done?**")
    assert page.url.count("imp_success=") == 1
    query = result_of(page.url)
    assert (query["cart"], query["imp_success"]) == ("7", "false")
    assert page.url.endswith("#top")


async def test_a_refusal_with_nowhere_to_go_is_shown_by_the_gateway(sdk, page):
    sdk.call = WITHOUT_CALLBACK
    sdk.param |= {"amount": -1, "m_redirect_url": None}
    await page.reload()

    await page.click("#pay")

    await page.wait_for_url("**/payments/fail?**")
    await expect(page.get_by_role("heading")).to_have_text("결제를 진행하지 못했습니다")
    await shot(page, "phone-fail")


@pytest.mark.parametrize(
    ("choice", "heading"),
    [("approve", "결제가 완료되었습니다"), ("cancel", "결제가 완료되지 않았습니다")],
)
async def test_without_a_redirect_address_the_gateway_shows_the_result(sdk, page, choice, heading):
    sdk.param["m_redirect_url"] = None
    warnings = []
    page.on("console", lambda line: warnings.append(line.text) if line.type == "warning" else None)
    await page.reload()
    await pay(page)
    assert len([line for line in warnings if "m_redirect_url" in line]) == 1

    await page.click(f"button[value={choice}]")

    await expect(page.get_by_role("heading")).to_have_text(heading)
    await expect(page.get_by_text("개발자 안내")).to_be_visible()
    await expect(page.get_by_role("link", name="상점으로 돌아가기")).to_be_visible()
    await shot(page, f"phone-result-{choice}")
    await page.reload()
    await expect(page.get_by_role("heading")).to_have_text(heading)


async def test_during_the_approval_the_payer_stays_on_our_page(sdk, page):
    await sdk.kicc.hold("approval", when="after")
    await pay(page)
    await page.click("button[value=approve]", no_wait_after=True)
    await sdk.kicc.wait_held()
    second = await page.context.new_page()
    await second.goto(f"{sdk.gateway_url}/checkout/{CODE}/windows/{sdk.issued_token}")
    await expect(second.get_by_role("heading")).to_have_text("결제를 확인하고 있습니다")
    await shot(second, "phone-waiting")

    await sdk.kicc.release()

    await second.wait_for_url("**/done?**")
    assert result_of(second.url)["imp_success"] == "true"

"""On a PC: the window is a popup, and the callback hears exactly one result."""

import asyncio
import json

import pytest
from playwright.async_api import Page, expect

from sdk.conftest import CODE, WITHOUT_CALLBACK, shot

pytestmark = pytest.mark.asyncio(loop_scope="session")


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


async def test_a_payment_is_heard_by_the_callback_once(mall, browser):
    mall.param |= {"buyer_name": "홍길동", "buyer_tel": "010-1234-5678", "custom_data": {"a": 1}}
    page = await mall.page(browser)
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
    payment = await mall.payment(rsp["imp_uid"])
    assert (payment["status"], payment["amount"]) == ("paid", 19_900)
    assert payment["pg_tid"] == rsp["pg_tid"]
    assert payment["channel"] == "pc"
    told_twice = ("merchant_uid", "name", "currency", "pg_provider", "apply_num", "paid_at")
    told_twice += ("card_name", "card_number", "card_quota", "receipt_url", "buyer_name")
    assert {name: rsp[name] for name in told_twice} == {name: payment[name] for name in told_twice}
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_card_is_registered_and_nothing_is_charged(mall, browser):
    mall.param |= {"customer_uid": "buyer-1", "amount": 0}
    page = await mall.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert rsp["success"] is True
    assert rsp["paid_amount"] == 0
    payment = await mall.payment(rsp["imp_uid"])
    assert (payment["customer_uid_usage"], payment["status"], payment["amount"]) == (
        "issue",
        "paid",
        0,
    )
    assert payment["customer_uid"] == "buyer-1"


async def test_a_cancel_in_the_window_is_heard_with_the_words_of_the_pg(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=cancel]")

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert rsp["error_msg"].startswith(f"F0005:결제가 중단되었습니다({rsp['imp_uid']}).W002 | ")
    assert (await mall.payment(rsp["imp_uid"]))["status"] == "failed"


async def test_a_window_that_is_closed_ends_the_payment(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)

    await popup.close()

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert (await mall.payment(rsp["imp_uid"]))["status"] == "failed"
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_giving_up_on_the_page_closes_the_window(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await page.get_by_role("button", name="그만두기").click()

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert (await mall.payment(rsp["imp_uid"]))["status"] == "failed"


async def test_escape_loses_nothing_and_the_keyboard_stays_in_the_layer(mall, browser):
    page = await mall.page(browser)
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


async def test_a_blocked_popup_is_opened_by_a_touch_of_the_layer(mall, browser):
    page = await mall.page(browser)
    await page.goto(f"{mall.shop_url}/?auto")
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


async def test_giving_up_on_a_blocked_popup_is_heard(mall, browser):
    page = await mall.page(browser)
    await page.goto(f"{mall.shop_url}/?auto")

    await page.get_by_role("button", name="그만두기").click()

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"]) == (False, "F0005")
    assert (await mall.payment(rsp["imp_uid"]))["status"] == "failed"


async def test_a_return_posted_twice_is_heard_once_and_paid_once(mall, browser):
    await mall.kicc.settings(double_post=True)
    page = await mall.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert rsp["success"] is True
    books = await mall.kicc.state()
    assert len(books["transactions"]) == 1


async def test_reload_and_back_in_the_window_change_nothing(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)
    await popup.reload()
    await popup.wait_for_selector("button[value=approve]")
    await popup.goto(f"{mall.gateway_url}/checkout/{CODE}/opening")
    await popup.go_back()

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert (await mall.payment(rsp["imp_uid"]))["status"] == "paid"


async def test_the_result_is_heard_by_asking_when_the_window_lost_its_opener(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)
    await popup.add_init_script("window.opener = null")

    await popup.click("button[value=approve]")

    assert (await heard(page))["success"] is True


async def test_the_same_order_in_a_second_tab_is_refused_once_it_is_paid(mall, browser):
    first = await mall.page(browser)
    second = await mall.page(first.context)
    one, other = await pay(first), await pay(second)
    async with one.expect_event("close"):
        await one.click("button[value=approve]")
    assert (await heard(first))["success"] is True

    async with other.expect_event("close"):
        await other.click("button[value=approve]")

    rsp = await heard(second)
    assert rsp["success"] is False
    assert "이미 결제가 이루어진 거래건입니다." in rsp["error_msg"]
    books = await mall.kicc.state()
    assert len(books["transactions"]) == 1
    await second.reload()
    await second.click("#pay")
    again = await heard(second)
    assert (again["error_code"], again["imp_uid"]) == ("F1002", None)
    assert again["error_msg"] == "이미 결제가 이루어진 거래건입니다."


async def test_a_second_call_is_refused_and_the_first_goes_on(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)

    await page.evaluate("window.pay({merchant_uid: 'order-2'})")

    refused = await heard(page)
    assert (refused["error_code"], refused["merchant_uid"]) == ("F409", "order-2")
    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")
    await page.wait_for_function("window.results.length === 2")
    results = await page.evaluate("window.results")
    assert (results[1]["success"], results[1]["merchant_uid"]) == (True, "order-1")


async def test_forged_messages_are_not_heard(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)
    token = await mall.window_token()
    rsp = {"success": True, "merchant_uid": "order-1", "imp_uid": "imp_666"}
    right = {"source": "dasi", "kind": "done", "window_token": token, "rsp": rsp}
    other_token = {**right, "window_token": "0" * len(token)}
    shapes = [other_token, {**right, "rsp": None}, {**right, "kind": "x"}, "x", None, 7]
    say = """([origin, said]) => {
        for (const data of said) window.dispatchEvent(new MessageEvent("message", {origin, data}));
    }"""

    for origin in (mall.shop_url, "https://evil.example", "null", f"{mall.gateway_url}0"):
        await page.evaluate(say, [origin, [right, json.dumps(right)]])
    await page.evaluate(say, [mall.gateway_url, shapes])

    assert await page.evaluate("window.results.length") == 0
    await expect(page.get_by_role("dialog")).to_be_visible()
    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")
    assert (await heard(page))["imp_uid"] == "imp_100000000001"


async def test_a_lost_answer_is_heard_as_doubt(mall, browser):
    await mall.kicc.scenario("executed_bad_gateway", "approval")
    page = await mall.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert (rsp["success"], rsp["status"], rsp["error_code"]) == (False, "ready", "F0006")
    assert (await mall.payment(rsp["imp_uid"]))["status"] == "ready"


async def test_while_the_pg_is_asked_closing_the_window_does_not_end_the_payment(mall, browser):
    await mall.kicc.hold("approval", when="after")
    page = await mall.page(browser)
    popup = await pay(page)
    await popup.click("button[value=approve]", no_wait_after=True)
    await mall.kicc.wait_held()

    await popup.close()
    await expect(page.get_by_role("dialog")).to_contain_text("결제를 확인하고 있습니다")
    await shot(page, "layer-working")
    assert await page.get_by_role("dialog").get_by_role("button").count() == 0
    await mall.kicc.release()

    assert (await heard(page))["success"] is True


async def test_a_refusal_before_the_window_closes_the_popup_and_is_heard(mall, browser):
    mall.param |= {"amount": "많이"}
    page = await mall.page(browser)

    await page.click("#pay")

    rsp = await heard(page)
    assert (rsp["success"], rsp["imp_uid"], rsp["error_code"]) == (False, None, "F400")
    assert "amount" in rsp["error_msg"]
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert len(page.context.pages) == 1


async def test_leaving_the_page_ends_the_open_window(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)
    closed = asyncio.Event()
    popup.on("close", lambda _popup: closed.set())

    await page.goto(f"{mall.shop_url}/done")

    async with asyncio.timeout(10):
        await closed.wait()
        await mall.close_answered.wait()
    assert (await mall.payment("imp_100000000001"))["status"] == "failed"


async def test_without_a_callback_the_result_goes_to_the_redirect_address(mall, browser):
    mall.call = WITHOUT_CALLBACK
    mall.param["m_redirect_url"] = "/done?cart=7#top"
    page = await mall.page(browser)
    popup = await pay(page)

    await popup.click("button[value=cancel]")

    await page.wait_for_url("**/done?**")
    assert "cart=7&imp_uid=imp_" in page.url
    assert "imp_success=false" in page.url
    assert page.url.endswith("#top")


async def test_the_gateway_gone_is_heard(mall, browser):
    page = await mall.page(browser)
    await page.context.route(f"{mall.gateway_url}/checkout/**", lambda route: route.abort())

    await page.click("#pay")

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"], rsp["merchant_uid"]) == (False, "F503", "order-1")


async def test_with_the_network_gone_in_the_middle_giving_up_is_heard_as_doubt(mall, browser):
    page = await mall.page(browser)
    popup = await pay(page)
    await page.context.route(f"{mall.gateway_url}/checkout/**", lambda route: route.abort())

    await popup.close()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("결과를 확인하지 못하고 있습니다", timeout=15_000)
    await shot(page, "layer-offline")
    await dialog.get_by_role("button", name="기다리지 않기").click()

    rsp = await heard(page)
    assert (rsp["error_code"], rsp["imp_uid"]) == ("F0006", "imp_100000000001")


async def test_an_error_in_the_callback_is_the_pages_own_and_happens_once(mall, browser):
    mall.call = "return IMP.request_pay(param, () => { window.calls += 1; throw Error('mine'); });"
    page = await mall.page(browser)
    await page.evaluate("window.calls = 0")
    popup = await pay(page)

    async with page.expect_event("pageerror") as told:
        await popup.click("button[value=approve]")

    assert (await told.value).message == "mine"
    assert await page.evaluate("window.calls") == 1
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_script_kept_elsewhere_is_told_its_gateway(mall, browser):
    page = await mall.page(browser)
    await page.evaluate(
        """(gateway) => new Promise((loaded) => {
            delete window.IMP;
            const tag = document.createElement("script");
            tag.dataset.gateway = gateway;
            tag.src = "/copy.js";
            tag.onload = loaded;
            document.head.append(tag);
        })""",
        mall.gateway_url,
    )
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    assert (await heard(page))["success"] is True


async def test_members_this_gateway_does_not_have_say_so(mall, browser):
    page = await mall.page(browser)

    rsp = await page.evaluate(
        "new Promise((tell) => IMP.certification({merchant_uid: 'c-1'}, tell))"
    )
    told = await page.evaluate("IMP.loadModule('x').catch((no) => String(no))")

    assert (rsp["success"], rsp["error_code"], rsp["merchant_uid"]) == (False, "F501", "c-1")
    assert "F501" in told


async def test_calls_without_init_or_without_parameters_are_told_by_an_alert(mall, browser):
    page = await mall.page(browser)
    told: list[str] = []

    async def hear(dialog):
        told.append(dialog.message)
        await dialog.accept()

    page.on("dialog", hear)

    assert await page.evaluate("IMP.request_pay({})") is False
    assert await page.evaluate("(IMP.init('imp00000001'), IMP.request_pay())") is False
    assert "IMP.init()" in told[0]
    assert told[1] == "결제요청 파라메터가 누락되었습니다."


async def test_a_sub_merchant_is_refused_rather_than_paid_to_its_parent(mall, browser):
    page = await mall.page(browser)

    rsp = await page.evaluate(
        """new Promise((tell) => {
            IMP.agency("imp00000001", "AAA");
            IMP.request_pay({merchant_uid: "o", name: "x", amount: 1000}, tell);
        })"""
    )

    assert (rsp["success"], rsp["error_code"]) == (False, "F400")
    assert "tier" in rsp["error_msg"]

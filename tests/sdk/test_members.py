"""What the global IMP has, what it refuses, and how it lives in a page."""

import pytest
from playwright.async_api import expect

from sdk.conftest import heard, pay

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_second_call_is_refused_and_the_first_goes_on(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)

    await page.evaluate("window.pay({merchant_uid: 'order-2'})")

    refused = await heard(page)
    assert (refused["error_code"], refused["merchant_uid"]) == ("F409", "order-2")
    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")
    await page.wait_for_function("window.results.length === 2")
    results = await page.evaluate("window.results")
    assert (results[1]["success"], results[1]["merchant_uid"]) == (True, "order-1")


async def test_an_error_in_the_callback_is_the_pages_own_and_happens_once(sdk, browser):
    sdk.call = "return IMP.request_pay(param, () => { window.calls += 1; throw Error('mine'); });"
    page = await sdk.page(browser)
    await page.evaluate("window.calls = 0")
    popup = await pay(page)

    async with page.expect_event("pageerror") as result:
        await popup.click("button[value=approve]")

    assert (await result.value).message == "mine"
    assert await page.evaluate("window.calls") == 1
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_script_on_another_host_reads_its_gateway_from_the_page(sdk, browser):
    page = await sdk.page(browser)
    await page.evaluate(
        """(gateway) => new Promise((loaded) => {
            delete window.IMP;
            const tag = document.createElement("script");
            tag.dataset.gateway = gateway;
            tag.src = "/copy.js";
            tag.onload = loaded;
            document.head.append(tag);
        })""",
        sdk.gateway_url,
    )
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    assert (await heard(page))["success"] is True


async def test_members_this_gateway_does_not_have_say_so(sdk, browser):
    page = await sdk.page(browser)

    rsp = await page.evaluate(
        "new Promise((tell) => IMP.certification({merchant_uid: 'c-1'}, tell))"
    )
    result = await page.evaluate("IMP.loadModule('x').catch((no) => String(no))")

    assert (rsp["success"], rsp["error_code"], rsp["merchant_uid"]) == (False, "F501", "c-1")
    assert "F501" in result


async def test_calls_without_init_or_without_parameters_show_an_alert(sdk, browser):
    page = await sdk.page(browser)
    result: list[str] = []

    async def hear(dialog):
        result.append(dialog.message)
        await dialog.accept()

    page.on("dialog", hear)

    assert await page.evaluate("IMP.request_pay({})") is False
    assert await page.evaluate("(IMP.init('imp00000001'), IMP.request_pay())") is False
    assert "IMP.init()" in result[0]
    assert result[1] == "결제요청 파라메터가 누락되었습니다."


async def test_a_sub_merchant_is_refused_rather_than_paid_to_its_parent(sdk, browser):
    page = await sdk.page(browser)

    rsp = await page.evaluate(
        """new Promise((tell) => {
            IMP.agency("imp00000001", "AAA");
            IMP.request_pay({merchant_uid: "o", name: "x", amount: 1000}, tell);
        })"""
    )

    assert (rsp["success"], rsp["error_code"]) == (False, "F400")
    assert "tier" in rsp["error_msg"]

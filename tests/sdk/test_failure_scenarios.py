"""Forged messages, lost answers, no network, a page that leaves: one result, and the right one."""

import asyncio
import json

import pytest
from playwright.async_api import expect

from sdk.conftest import heard, pay, shot

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_forged_messages_are_not_heard(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)
    token = sdk.issued_token
    rsp = {"success": True, "merchant_uid": "order-1", "imp_uid": "imp_666"}
    right = {"source": "dasi", "kind": "done", "window_token": token, "rsp": rsp}
    other_token = {**right, "window_token": "0" * len(token)}
    shapes = [other_token, {**right, "rsp": None}, {**right, "kind": "x"}, "x", None, 7]
    say = """([origin, said]) => {
        for (const data of said) window.dispatchEvent(new MessageEvent("message", {origin, data}));
    }"""

    for origin in (sdk.shop_url, "https://evil.example", "null", f"{sdk.gateway_url}0"):
        await page.evaluate(say, [origin, [right, json.dumps(right)]])
    await page.evaluate(say, [sdk.gateway_url, shapes])

    assert await page.evaluate("window.results.length") == 0
    await expect(page.get_by_role("dialog")).to_be_visible()
    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")
    assert (await heard(page))["imp_uid"] == await sdk.only_imp_uid()


async def test_a_lost_answer_reaches_the_page_as_unknown(sdk, browser):
    await sdk.kicc.scenario("executed_bad_gateway", "approval")
    page = await sdk.page(browser)
    popup = await pay(page)

    async with popup.expect_event("close"):
        await popup.click("button[value=approve]")

    rsp = await heard(page)
    assert (rsp["success"], rsp["status"], rsp["error_code"]) == (False, "ready", "F0006")
    assert (await sdk.payment(rsp["imp_uid"]))["status"] == "ready"


async def test_closing_the_window_while_the_approval_runs_does_not_end_the_payment(sdk, browser):
    await sdk.kicc.hold("approval", when="after")
    page = await sdk.page(browser)
    popup = await pay(page)
    await popup.click("button[value=approve]", no_wait_after=True)
    await sdk.kicc.wait_held()

    await popup.close()
    await expect(page.get_by_role("dialog")).to_contain_text("결제를 확인하고 있습니다")
    await shot(page, "layer-processing")
    assert await page.get_by_role("dialog").get_by_role("button").count() == 0
    await sdk.kicc.release()

    assert (await heard(page))["success"] is True


async def test_a_refusal_before_the_window_closes_the_popup_and_is_heard(sdk, browser):
    sdk.param |= {"amount": "많이"}
    page = await sdk.page(browser)

    await page.click("#pay")

    rsp = await heard(page)
    assert (rsp["success"], rsp["imp_uid"], rsp["error_code"]) == (False, None, "F400")
    assert "amount" in rsp["error_msg"]
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert len(page.context.pages) == 1


async def test_leaving_the_page_ends_the_open_window(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)
    closed = asyncio.Event()
    popup.on("close", lambda _popup: closed.set())

    await page.goto(f"{sdk.shop_url}/done")

    async with asyncio.timeout(10):
        await closed.wait()
        await sdk.close_answered.wait()
    assert (await sdk.payment(await sdk.only_imp_uid()))["status"] == "failed"


async def test_the_gateway_gone_is_heard(sdk, browser):
    page = await sdk.page(browser)
    await page.context.route(f"{sdk.gateway_url}/checkout/**", lambda route: route.abort())

    await page.click("#pay")

    rsp = await heard(page)
    assert (rsp["success"], rsp["error_code"], rsp["merchant_uid"]) == (False, "F503", "order-1")


async def test_closing_the_window_without_network_reports_an_unknown_result(sdk, browser):
    page = await sdk.page(browser)
    popup = await pay(page)
    await page.context.route(f"{sdk.gateway_url}/checkout/**", lambda route: route.abort())

    await popup.close()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="결제 창 다시 열기").wait_for()
    await dialog.get_by_role("button", name="그만두기").click()
    await expect(dialog).to_contain_text("결과를 확인하지 못하고 있습니다", timeout=15_000)
    await shot(page, "layer-offline")
    await dialog.get_by_role("button", name="기다리지 않기").click()

    rsp = await heard(page)
    assert (rsp["error_code"], rsp["imp_uid"]) == ("F0006", await sdk.only_imp_uid())

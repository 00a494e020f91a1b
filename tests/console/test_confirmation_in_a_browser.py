"""The confirmation of a cancel in a real browser, with scripts and without."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from console.screen import CHROMIUM, opened_browser, opened_page
from console.test_keyboard import signed_in_page
from support.gateway_merchant import CODE, MerchantClient

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt install chromium)")
HERE = f"/console/merchants/{CODE}"


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
async def page(request: pytest.FixtureRequest, gateway: MerchantClient) -> AsyncIterator[Page]:
    async with (
        opened_browser() as browser,
        opened_page(browser, java_script_enabled=request.param) as page,
    ):
        await signed_in_page(page, gateway)
        yield page


@pytest.fixture
async def imp_uid(gateway: MerchantClient) -> str:
    await gateway.register_card("card-1", buyer_name="한지민")
    paid = (await gateway.again(amount=10_000, name="원두")).response
    return str(paid["imp_uid"])


async def cancelled_krw(client: MerchantClient, imp_uid: str) -> int:
    (row,) = await client.rows("SELECT cancelled_krw FROM payments WHERE imp_uid = $1", imp_uid)
    return int(row["cancelled_krw"])


async def test_enter_in_the_amount_cancels_nothing(
    page: Page, gateway: MerchantClient, imp_uid: str
) -> None:
    await page.goto(f"{gateway.url}{HERE}/payments/{imp_uid}")
    amount = page.get_by_label("취소할 금액")
    await expect(amount).to_have_value("10,000")
    await amount.fill("")
    await amount.press("Enter")
    await expect(page).to_have_url(f"{gateway.url}{HERE}/payments/{imp_uid}")
    # Without the browser's own check of an empty field.
    await page.goto(f"{gateway.url}{HERE}/payments/{imp_uid}/cancel?amount=")
    await expect(page.locator("#problem-amount")).to_be_visible()
    await expect(page.get_by_label("취소할 금액")).to_be_focused()
    await page.get_by_label("취소할 금액").fill("10001")
    await page.get_by_label("취소할 금액").press("Enter")
    await expect(page.locator("#problem-amount")).to_contain_text("10,000원 이하")
    await expect(page.get_by_label("취소할 금액")).to_have_value("10001")
    assert await cancelled_krw(gateway, imp_uid) == 0


async def test_a_cancel_is_reviewed_confirmed_and_not_repeated_by_going_back(
    page: Page, gateway: MerchantClient, imp_uid: str
) -> None:
    await page.goto(f"{gateway.url}{HERE}/payments/{imp_uid}")
    await page.get_by_label("취소할 금액").fill("4000")
    await page.get_by_label("취소할 금액").press("Enter")
    await expect(page.get_by_role("heading", name="부분 취소할까요?")).to_be_visible()
    await expect(page.locator(".review .facts")).to_contain_text("한지민")
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_role("heading", name="Cancel a part")).to_be_visible()
    await page.get_by_role("link", name="한국어").click()
    assert await cancelled_krw(gateway, imp_uid) == 0
    await page.get_by_label("사유").fill("변심")
    await page.get_by_role("button", name="4,000원 취소").click()
    await expect(page.get_by_role("status")).to_contain_text("취소했습니다")
    assert await cancelled_krw(gateway, imp_uid) == 4_000

    await page.go_back()
    await expect(page.get_by_role("heading", name="부분 취소할까요?")).to_be_visible()
    await expect(page.locator(".review .facts")).to_contain_text("2,000원")
    assert await cancelled_krw(gateway, imp_uid) == 4_000, "the page is new and nothing is sent"


async def test_a_double_click_cancels_once(
    page: Page, gateway: MerchantClient, imp_uid: str
) -> None:
    await page.goto(f"{gateway.url}{HERE}/payments/{imp_uid}")
    await page.get_by_role("button", name="전액 취소").click()
    await page.get_by_label("사유").fill("변심")
    await page.get_by_role("button", name="10,000원 취소").dblclick()
    answer = page.get_by_role("alert").or_(page.get_by_role("status"))
    await expect(answer.first).to_be_visible()
    await page.goto(f"{gateway.url}{HERE}/payments/{imp_uid}")
    await expect(page.locator(".summary")).to_contain_text("전액 취소")
    assert await cancelled_krw(gateway, imp_uid) == 10_000
    (row,) = await gateway.rows(
        "SELECT count(*) AS n FROM pg_attempts WHERE kind = 'cancel' AND imp_uid = $1", imp_uid
    )
    assert row["n"] == 1


async def test_a_stale_confirmation_shows_the_new_numbers(
    page: Page, gateway: MerchantClient, imp_uid: str
) -> None:
    await page.goto(f"{gateway.url}{HERE}/payments/{imp_uid}/cancel?all=1")
    await page.get_by_label("사유").fill("변심")
    part = {"imp_uid": imp_uid, "amount": 1_000}
    assert (await gateway.call("POST", "/payments/cancel", json=part)).code == 0
    await page.get_by_role("button", name="10,000원 취소").click()
    await expect(page.get_by_role("alert")).to_contain_text("바뀌어")
    await expect(page.get_by_label("사유")).to_have_value("변심")
    await expect(page.get_by_role("button", name="9,000원 취소")).to_be_visible()
    assert await cancelled_krw(gateway, imp_uid) == 1_000

"""A shop's first day at the console, by hand: from the first owner to the audit log."""

import aiohttp
import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from console.browser import PASSWORD
from console.screen import CHROMIUM, opened_browser, opened_page
from dasi.app import create_app, open_engine
from dasi.engine import Engine
from dasi.merchants import find_merchant_by_code
from dasi.payments import list_doubts_of, look_again
from dasi.people import first_run_link
from dasi.settings import read_settings
from dasi.webhooks import Deliverer
from gateway_shop import environment
from served import address_of, free_socket, served
from simulator_process import SimulatorControl

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt install chromium)")
CODE = "imp00000001"


async def test_first_day(database_url: str, kicc: SimulatorControl) -> None:
    listening = free_socket()
    settings = read_settings(
        environment(database_url, kicc_url=kicc.base_url, public_url=address_of(listening))
    )
    async with (
        open_engine(settings) as engine,
        served(create_app(engine, settings), listening) as url,
        opened_browser() as browser,
        opened_page(browser) as page,
    ):
        await become_owner(page, engine)
        keys = await add_shop(page, url)
        snippet = await set_up_pg(page)
        await register_card(browser, snippet)
        paid = await charge(url, keys, "order-1", 30_000)
        await cancel_part(page, url, paid)
        await watch_a_doubt_end(page, url, keys, engine, kicc)
        await send_webhook_again(page, url, engine)
        await read_audit_log(page)


async def become_owner(page: Page, engine: Engine) -> None:
    await page.goto(str(await first_run_link(engine)))
    await page.get_by_label("이메일").fill("kim@shop.example")
    await page.get_by_label("이름").fill("김다시")
    await page.get_by_label("비밀번호").fill(PASSWORD)
    await page.get_by_role("button", name="시작").click()
    await expect(page.get_by_role("status")).to_contain_text("로그인하세요")
    await page.get_by_label("이메일").fill("kim@shop.example")
    await page.get_by_label("비밀번호").fill(PASSWORD)
    await page.get_by_role("button", name="로그인").click()
    await expect(page.get_by_role("heading", name="가맹점", exact=True)).to_be_visible()


async def add_shop(page: Page, url: str) -> dict[str, str]:
    await page.get_by_label("가맹점 코드").fill(CODE)
    await page.get_by_label("이름").fill("다시 커피")
    await page.get_by_label("웹훅 주소").fill(f"{url}/nobody-takes-this")
    await page.get_by_role("button", name="추가").click()
    shown = await page.locator("dd code").all_inner_texts()
    assert shown[0] == CODE
    await page.get_by_role("link", name="다음: PG 설정").click()
    return {"imp_key": shown[1], "imp_secret": shown[2]}


async def set_up_pg(page: Page) -> str:
    """As the manual's first step says: add, KICC, sandbox on. The snippet to paste."""
    await page.get_by_role("link", name="PG사 추가").click()
    await expect(page.get_by_label("테스트 모드")).to_be_checked()
    await expect(page.get_by_text("실제로는 승인되지 않습니다")).to_be_visible()
    await page.get_by_role("button", name="추가").click()
    await expect(page.get_by_text("기본 PG")).to_be_visible()
    await page.get_by_role("button", name="연결 확인").click()
    result = page.locator("section").filter(has_text="연결 확인 결과")
    await expect(result.get_by_text("등록됨")).to_have_count(2)
    return await page.locator("#snippet").inner_text()


async def register_card(browser: Browser, snippet: str) -> None:
    """The snippet on a page of the shop, pressed by a payer."""

    async def shop(_request: object) -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>shop</title>{snippet}")

    async with (
        served(Starlette(routes=[Route("/", shop)])) as shop_url,
        opened_page(browser) as page,
    ):
        await page.goto(f"{shop_url}/")
        async with page.expect_console_message(_is_success) as told:
            async with page.expect_popup() as opening:
                await page.get_by_role("button").click()
            window = await opening.value
            await window.click("button[value=approve]")
        await told.value


def _is_success(line: ConsoleMessage) -> bool:
    """What the snippet's callback writes when the card is registered."""
    return line.text.startswith("true imp_")


async def charge(url: str, keys: dict[str, str], order: str, amount: int) -> str:
    """By the shop's server, with the customer of the snippet. The imp_uid."""
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{url}/users/getToken", json=keys) as answer:
            token = (await answer.json())["response"]["access_token"]
        wish = {"customer_uid": "customer_0001_card", "merchant_uid": order, "amount": amount}
        async with http.post(
            f"{url}/subscribe/payments/again",
            json={**wish, "name": "원두 구독"},
            headers={"Authorization": token},
        ) as answer:
            told = await answer.json()
        async with http.get(
            f"{url}/payments/find/{order}", headers={"Authorization": token}
        ) as answer:
            found = await answer.json()
    return str((found["response"] or told["response"])["imp_uid"])


async def cancel_part(page: Page, url: str, imp_uid: str) -> None:
    await page.goto(f"{url}/console/shops/{CODE}/payments?q=order-1")
    await page.get_by_role("link", name="원두 구독").click()
    assert page.url.endswith(imp_uid)
    await page.get_by_label("금액").fill("10,000")
    await page.get_by_label("사유").fill("단순 변심")
    await page.get_by_role("button", name="취소하기").click()
    await expect(page.get_by_role("status")).to_contain_text("취소했습니다")
    await expect(page.locator(".summary")).to_contain_text("20,000")
    await expect(page.locator(".timeline")).to_contain_text("kim@shop.example · 단순 변심")
    await page.get_by_label("금액").fill("20001")
    await page.get_by_role("button", name="취소하기").click()
    await expect(page.get_by_role("alert")).to_contain_text("20,000원")


async def watch_a_doubt_end(
    page: Page, url: str, keys: dict[str, str], engine: Engine, kicc: SimulatorControl
) -> None:
    """The answer is lost; the page says so, and says by itself when the PG was asked."""
    await kicc.scenario("executed_answer_cut", "batch")
    imp_uid = await charge(url, keys, "order-2", 7_000)
    await page.goto(f"{url}/console/shops/{CODE}/payments/{imp_uid}")
    await expect(page.locator(".summary")).to_contain_text("확인 중")
    await expect(page.locator(".next")).to_contain_text("PG에 다시 확인합니다")
    merchant = await find_merchant_by_code(engine, CODE)
    (doubt,) = await list_doubts_of(engine, merchant.merchant_id, limit=10)
    await look_again(engine, merchant.merchant_id, doubt.attempt_id)
    await expect(page.locator(".summary")).to_contain_text("결제 완료")
    await expect(page.locator(".timeline")).to_contain_text("PG에 물어 확인함")


async def send_webhook_again(page: Page, url: str, engine: Engine) -> None:
    deliverer = Deliverer(engine, allow_local=True)
    try:
        await deliverer.run_due()
        await page.goto(f"{url}/console/shops/{CODE}/webhooks")
        await page.locator("a.row-link").last.click()
        await expect(page.locator(".timeline")).to_contain_text("404")
        await page.get_by_role("button", name="다시 보내기").click()
        await expect(page.get_by_role("status")).to_contain_text("다시 보냅니다")
        await deliverer.run_due()
        await page.reload()
        await expect(page.locator(".timeline li")).to_have_count(2)
    finally:
        await deliverer.close()


async def read_audit_log(page: Page) -> None:
    await page.get_by_role("link", name="감사 로그").click()
    for act in (
        "joined", "signed_in", "merchant_added", "channel_added", "channel_checked",
        "payment_cancelled", "webhook_resent",
    ):  # fmt: skip
        await expect(page.locator(".rows")).to_contain_text(act)
    await page.get_by_label("찾기").fill("payment_cancelled")
    await page.get_by_role("button", name="찾기").click()
    await expect(page.locator(".rows tbody tr")).to_have_count(2)
    await expect(page.locator(".rows")).to_contain_text("10,000원 단순 변심")

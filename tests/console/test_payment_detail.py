"""A shop's first day at the console, by hand: from the first owner to the audit log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pyotp
import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from console.http_browser import PASSWORD
from console.screen import CHROMIUM, opened_browser, opened_page
from dasi.app import create_app, open_engine
from dasi.engine import Engine
from dasi.merchants import find_merchant_by_code
from dasi.one_time_links import bootstrap_link
from dasi.outcomes import lookup_now
from dasi.reporting import list_unresolved
from dasi.settings import read_settings
from dasi.webhooks import Deliverer
from support.gateway_merchant import environment
from support.served_app import address_of, free_socket, served
from support.simulator_process import SimulatorControl

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt install chromium)")
CODE = "imp00000001"
MAY: dict[str, set[str]] = {
    "read_only": set(),
    "operator": {"operate"},
    "developer": {"configure"},
    "admin": {"operate", "configure", "manage_members"},
}
"""What each role finds on the pages, and nothing else."""


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
        await sign_in_with_second_factor(page, url)
        await add_shop(page, url)
        keys = await rotate_api_key(page, url)
        snippet = await set_up_pg(page)
        await register_card(browser, snippet)
        paid = await charge(url, keys, "order-1", 30_000)
        await cancel_part(page, url, paid)
        await watch_an_attempt_resolved(page, url, keys, engine, kicc)
        await send_webhook_again(page, url, engine)
        for role, may in MAY.items():
            link = await invite(page, url, role)
            async with opened_page(browser) as other:
                await keep_to_the_role(other, link, url, paid, role=role, may=may)
        await read_audit_log(page)


async def become_owner(page: Page, engine: Engine) -> None:
    await page.goto(str(await bootstrap_link(engine)))
    await page.get_by_label("이메일").fill("kim@shop.example")
    await page.get_by_label("이름").fill("김다시")
    await page.get_by_label("비밀번호").fill(PASSWORD)
    await page.get_by_role("button", name="시작").click()
    await expect(page.get_by_role("status")).to_contain_text("로그인하세요")
    await page.get_by_label("이메일").fill("kim@shop.example")
    await page.get_by_label("비밀번호").fill(PASSWORD)
    await page.get_by_role("button", name="로그인").click()
    await expect(page.get_by_role("heading", name="가맹점", exact=True)).to_be_visible()


async def sign_in_with_second_factor(page: Page, url: str) -> None:
    """An app is set up under one's own name; the next sign-in asks for its code."""
    await page.goto(f"{url}/console/me")
    await page.get_by_label("비밀번호 확인").fill(PASSWORD)
    await page.get_by_role("button", name="인증 앱 설정").click()
    app = pyotp.TOTP(await page.locator(".copying code").inner_text())
    await page.get_by_label("코드").fill(app.now())
    await page.get_by_role("button", name="설정").click()
    await expect(page.get_by_role("status")).to_contain_text("저장했습니다")
    await page.get_by_role("button", name="로그아웃", exact=True).click()
    await page.goto(f"{url}/console/sign-in")
    await page.get_by_label("이메일").fill("kim@shop.example")
    await page.get_by_label("비밀번호").fill(PASSWORD)
    await page.get_by_role("button", name="로그인").click()
    code = page.get_by_label("인증 앱의 6자리 코드")
    await code.fill("000000" if app.now() != "000000" else "000001")
    await page.get_by_role("button", name="로그인", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("코드가 맞지 않습니다")
    # The code of this half minute was used; a phone's clock may run one ahead.
    await code.fill(app.at(datetime.now(tz=UTC), counter_offset=1))
    await page.get_by_role("button", name="로그인", exact=True).click()
    await expect(page.get_by_role("heading", name="가맹점", exact=True)).to_be_visible()


async def add_shop(page: Page, url: str) -> None:
    await page.get_by_label("가맹점 식별코드").fill(CODE)
    await page.get_by_label("이름").fill("다시 커피")
    await page.get_by_role("button", name="추가").click()
    shown = await page.locator("dd code").all_inner_texts()
    assert shown[0] == CODE


async def rotate_api_key(page: Page, url: str) -> dict[str, str]:
    """A second key is made, and the first one ends now. The pair that works."""
    await page.goto(f"{url}/console/merchants/{CODE}/api-keys")
    await expect(page.locator(".rows tbody tr")).to_have_count(1)
    await page.get_by_label("기존 키 유지 시간").select_option("0")
    await page.get_by_role("button", name="교체").click()
    await expect(page.get_by_text("지금 바로")).to_be_visible()
    await page.get_by_role("button", name="교체").click()
    new_key, new_secret = await page.locator(".once dd code").all_inner_texts()
    await expect(page.locator(".rows tbody tr")).to_have_count(1)
    await page.goto(f"{url}/console/merchants/{CODE}/api-keys")
    await expect(page.get_by_text(new_secret)).to_have_count(0)
    await page.get_by_role("link", name="채널 관리").click()
    return {"imp_key": new_key, "imp_secret": new_secret}


async def set_up_pg(page: Page) -> str:
    """As the manual's first step says: add a test PG of KICC. The snippet to paste."""
    await page.get_by_role("link", name="테스트 채널 추가").click()
    await expect(page.get_by_text("실제로 결제되지 않습니다")).to_be_visible()
    await page.get_by_role("button", name="추가").click()
    await expect(page.get_by_text("기본 채널", exact=True)).to_be_visible()
    await page.get_by_role("button", name="연결 확인").click()
    result = page.locator("section").filter(has_text="연결 확인 결과")
    await expect(result.get_by_text("정상")).to_have_count(2)
    return await page.locator("#snippet").inner_text()


async def register_card(browser: Browser, snippet: str) -> None:
    """The snippet on a page of the shop, pressed by a payer."""

    async def client(_request: object) -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>shop</title>{snippet}")

    async with (
        served(Starlette(routes=[Route("/", client)])) as shop_url,
        opened_page(browser) as page,
    ):
        await page.goto(f"{shop_url}/")
        async with page.expect_console_message(_is_success) as message:
            async with page.expect_popup() as opening:
                await page.get_by_role("button").click()
            window = await opening.value
            await window.click("button[value=approve]")
        await message.value


def _is_success(line: ConsoleMessage) -> bool:
    """What the snippet's callback writes when the card is registered."""
    return line.text.startswith("true imp_")


async def charge(url: str, keys: dict[str, str], order: str, amount: int) -> str:
    """By the shop's server, with the customer of the snippet. The imp_uid."""
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{url}/users/getToken", json=keys) as answer:
            token = (await answer.json())["response"]["access_token"]
        fields = {"customer_uid": "customer_0001_card", "merchant_uid": order, "amount": amount}
        async with http.post(
            f"{url}/subscribe/payments/again",
            json={**fields, "name": "원두 구독"},
            headers={"Authorization": token},
        ) as answer:
            charged = await answer.json()
        async with http.get(
            f"{url}/payments/find/{order}", headers={"Authorization": token}
        ) as answer:
            payment = await answer.json()
    return str((payment["response"] or charged["response"])["imp_uid"])


async def cancel_part(page: Page, url: str, imp_uid: str) -> None:
    await page.goto(f"{url}/console/merchants/{CODE}/payments?q=order-1")
    await page.get_by_role("link", name="원두 구독").click()
    assert page.url.endswith(imp_uid)
    await page.get_by_label("취소할 금액").fill("10,000")
    await page.get_by_role("button", name="이 금액 취소").click()
    await page.get_by_label("사유").fill("단순 변심")
    await page.get_by_role("button", name="10,000원 취소").click()
    await expect(page.get_by_role("status")).to_contain_text("취소했습니다")
    await expect(page.locator(".summary")).to_contain_text("20,000")
    await expect(page.locator(".timeline")).to_contain_text("kim@shop.example · 단순 변심")
    await page.get_by_label("취소할 금액").fill("20001")
    await page.get_by_role("button", name="이 금액 취소").click()
    await expect(page.get_by_role("alert")).to_contain_text("20,000원")


async def watch_an_attempt_resolved(
    page: Page, url: str, keys: dict[str, str], engine: Engine, kicc: SimulatorControl
) -> None:
    """The answer is lost; the page says so, and says by itself when the PG was asked."""
    await kicc.scenario("executed_answer_cut", "batch")
    imp_uid = await charge(url, keys, "order-2", 7_000)
    await page.goto(f"{url}/console/merchants/{CODE}/payments/{imp_uid}")
    await expect(page.locator(".summary")).to_contain_text("결과 확인 중")
    await expect(page.locator(".next")).to_contain_text("PG에서 조회합니다")
    merchant = await find_merchant_by_code(engine, CODE)
    unresolved = await list_unresolved(
        engine, merchant.merchant_id, is_manual=False, after=None, limit=10
    )
    (attempt,) = unresolved.rows
    await lookup_now(engine, merchant.merchant_id, attempt.attempt_id)
    await expect(page.locator(".summary")).to_contain_text("결제 완료")
    await expect(page.locator(".timeline")).to_contain_text("PG 거래 조회로 확인")


async def send_webhook_again(page: Page, url: str, engine: Engine) -> None:
    """The shop's server is down, is repaired, and receives the webhook again."""
    async with an_endpoint() as endpoint:
        await page.goto(f"{url}/console/merchants/{CODE}/webhooks")
        await page.get_by_label("웹훅 주소", exact=True).fill(f"{endpoint.url}/webhook")
        await page.get_by_role("button", name="저장").click()
        await expect(page.get_by_role("status")).to_contain_text("저장했습니다")
        await page.get_by_role("button", name="테스트 전송").click()
        await expect(page.get_by_role("status")).to_contain_text("503")
        keys = await new_api_key(page, url)
        await charge(url, keys, "order-3", 5_000)
        deliverer = Deliverer(engine, allow_local=True)
        try:
            await deliverer.run_due()
            await page.goto(f"{url}/console/merchants/{CODE}/webhooks")
            await page.locator("a.row-link").first.click()
            await expect(page.locator(".timeline")).to_contain_text("503")
            endpoint.is_up = True
            await page.get_by_role("button", name="재발송").click()
            await expect(page.get_by_role("status")).to_contain_text("재발송합니다")
            await deliverer.run_due()
        finally:
            await deliverer.close()
        await page.reload()
        await expect(page.locator(".timeline li")).to_have_count(2)
        await expect(page.locator(".card h2")).to_contain_text("전송 완료")
        assert "order-3" in endpoint.bodies[-1]


async def new_api_key(page: Page, url: str) -> dict[str, str]:
    """A key of its own for another server of the shop."""
    await page.goto(f"{url}/console/merchants/{CODE}/api-keys")
    await page.get_by_role("button", name="새 API 키 발급").click()
    api_key, api_secret = await page.locator(".once dd code").all_inner_texts()
    await expect(page.locator(".rows tbody tr")).to_have_count(2)
    return {"imp_key": api_key, "imp_secret": api_secret}


@dataclass
class WebhookEndpoint:
    """The shop's server that receives webhooks."""

    url: str = ""
    is_up: bool = False
    bodies: list[str] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        self.bodies.append((await request.body()).decode())
        return PlainTextResponse("thanks" if self.is_up else "", 200 if self.is_up else 503)


@asynccontextmanager
async def an_endpoint() -> AsyncIterator[WebhookEndpoint]:
    endpoint = WebhookEndpoint()
    app = Starlette(routes=[Route("/webhook", endpoint.answer, methods=["POST"])])
    async with served(app) as url:
        endpoint.url = url
        yield endpoint


async def invite(page: Page, url: str, role: str) -> str:
    """The link to hand over."""
    await page.goto(f"{url}/console/merchants/{CODE}/members")
    await page.get_by_label("이메일").fill(f"{role}@shop.example")
    await page.locator(".form select[name=role]").select_option(role)
    await page.get_by_role("button", name="초대 링크 만들기").click()
    return await page.locator(".once code").inner_text()


async def keep_to_the_role(
    page: Page, link: str, url: str, imp_uid: str, *, role: str, may: set[str]
) -> None:
    """Accept the invitation and check that each page shows only the buttons of the role."""
    await page.goto(link)
    await page.get_by_label("이름").fill(f"{role} Kim")
    await page.get_by_label("비밀번호").fill(PASSWORD)
    await page.get_by_role("button", name="시작").click()
    await page.get_by_label("이메일").fill(f"{role}@shop.example")
    await page.get_by_label("비밀번호").fill(PASSWORD)
    await page.get_by_role("button", name="로그인").click()
    here = f"{url}/console/merchants/{CODE}"
    await page.wait_for_url(here)
    for path, button, needs in (
        (f"/payments/{imp_uid}", "이 금액 취소…", "operate"),
        ("/webhooks", "기간 재발송", "operate"),
        ("/webhooks", "테스트 전송", "configure"),
        ("/api-keys", "새 API 키 발급", "configure"),
        ("/members", "초대 링크 만들기", "manage_members"),
    ):
        await page.goto(f"{here}{path}")
        buttons = page.get_by_role("button", name=button, exact=True)
        await expect(buttons, f"{role} {path} {button}").to_have_count(int(needs in may))
    await page.goto(f"{here}/channels/new")
    refusal = page.get_by_text("권한이 없습니다")
    await expect(refusal).to_have_count(int("configure" not in may))


async def read_audit_log(page: Page) -> None:
    await page.get_by_role("link", name="감사 로그").click()
    for act in (
        "invitation_accepted", "signed_in", "second_factor_on", "second_factor_failed",
        "signed_out",
        "merchant_added", "api_key_rotated", "api_key_added", "channel_added", "channel_checked",
        "payment_cancelled", "webhook_changed", "webhook_tested", "webhook_resent",
        "member_invited",
    ):  # fmt: skip
        await expect(page.locator(".rows")).to_contain_text(act)
    await page.get_by_label("검색").fill("payment_cancelled")
    await page.get_by_role("button", name="검색").click()
    await expect(page.locator(".rows tbody tr")).to_have_count(1)
    await expect(page.locator(".rows")).to_contain_text("10,000원 단순 변심")

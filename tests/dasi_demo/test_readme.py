"""What the README shows works as it stands there, but for addresses and keys."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from playwright.async_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from support.e2e_shop import API_KEY, API_SECRET, E2eShop
from support.served_app import served

ROOT = Path(__file__).parents[2]
IN_README = "http://127.0.0.1:8000"


def blocks(readme: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / readme).read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
async def test_the_page_and_the_curl_of_the_readme_take_money_once(
    readme: str, e2e_shop: E2eShop, browser: Browser
) -> None:
    (html,) = blocks(readme, "html")
    shown = html.replace(IN_README, e2e_shop.gateway_url)

    async def show(_request: Request) -> Response:
        return HTMLResponse(shown)

    shop = Starlette(routes=[Route("/", show), Route("/finish", show)])
    page = await browser.new_page(locale="ko-KR")
    async with served(shop) as shop_url:
        await page.goto(shop_url)
        async with page.expect_popup() as popup:
            await page.locator("button").click()
        await (await popup.value).locator("button[value=approve]").click()
        await page.wait_for_url("**/finish?**")
        await page.close()
    query = parse_qs(urlsplit(page.url).query)
    assert query["imp_uid"][0].startswith("imp_")
    assert query["merchant_uid"] == ["card-0001"]

    payment = await _run_curl(
        next(block for block in blocks(readme, "sh") if "curl" in block), e2e_shop
    )

    assert payment["status"] == "paid"
    assert await e2e_shop.charges_at_kicc() == [payment["amount"]]


async def _run_curl(script: str, e2e_shop: E2eShop) -> dict[str, object]:
    """Sends what the two commands send: address and body are theirs."""
    headers: dict[str, str] = {}
    answer: dict[str, object] = {}
    requests = re.findall(rf"{IN_README}(/\S+).*?-d '(\{{.*?\}})'", script, re.DOTALL)
    assert [path for path, _ in requests] == ["/users/getToken", "/subscribe/payments/again"]
    async with aiohttp.ClientSession() as session:
        for path, body in requests:
            filled = body.replace("YOUR_KEY", API_KEY).replace("YOUR_SECRET", API_SECRET)
            async with session.post(
                e2e_shop.gateway_url + path, json=json.loads(filled), headers=headers
            ) as got:
                envelope = await got.json()
            assert envelope["code"] == 0, envelope
            answer = envelope["response"]
            headers = {"Authorization": str(answer.get("access_token", ""))}
    return answer

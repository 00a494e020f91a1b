"""The pages themselves: language, honesty about the gateway, safety headers, and the process."""

import asyncio
import os
import signal
import sys

import aiohttp
import pytest

from dasi_demo.labels import LANGUAGES, labels
from support.browser_customer import Customer
from support.fake_gateway import FakeGateway


async def test_the_home_page_is_korean_and_can_be_switched_to_english(customer: Customer) -> None:
    assert "정기구독" in await customer.see("/")
    assert "Subscriptions" in await customer.see("/", lang="en")
    assert "Subscriptions" in await customer.see("/")
    assert "정기구독" in await customer.see("/", lang="ko")


async def test_every_sentence_exists_in_every_language() -> None:
    for language in LANGUAGES:
        assert all(text.strip() for text in labels(language).values())


async def test_a_gateway_that_does_not_answer_is_said_on_the_page(
    customer: Customer, stand_in: FakeGateway
) -> None:
    stand_in.is_offline = True
    assert "결제 게이트웨이에 연결할 수 없습니다" in await customer.see("/")


async def test_no_warning_while_the_gateway_answers(customer: Customer) -> None:
    assert "연결할 수 없습니다" not in await customer.see("/")


@pytest.mark.parametrize("path", ["/checkout/none", "/orders/none", "/finish?merchant_uid=none"])
async def test_an_unknown_order_is_a_404(customer: Customer, path: str) -> None:
    async with customer.session.get(customer.url + path) as answer:
        assert answer.status == 404
        assert "그런 주문이 없습니다" in await answer.text()


async def test_pages_allow_scripts_only_from_the_shop_and_the_gateway(customer: Customer) -> None:
    async with customer.session.get(customer.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "unsafe" not in policy
    assert "script-src 'self' http://127.0.0.1:" in policy
    assert "style=" not in page


async def test_the_process_prints_that_it_is_ready_and_ends_on_a_signal() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dasi_demo", "--port", "0", "--gateway", "http://127.0.0.1:9",
        "--merchant-code", "imp00000001", "--api-key", "k",
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "SHOP_API_SECRET": "s"},
    )  # fmt: skip
    assert process.stdout is not None
    ready = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    url = ready.split(" on ")[1].split(" ")[0]
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert "연결할 수 없습니다" in await answer.text()
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) in (0, -signal.SIGTERM)


async def test_without_a_secret_the_process_says_what_to_give() -> None:
    env = {name: value for name, value in os.environ.items() if name != "SHOP_API_SECRET"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dasi_demo", "--merchant-code", "imp00000001", "--api-key", "k",
        stderr=asyncio.subprocess.PIPE, env=env,
    )  # fmt: skip
    _, stderr = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert "SHOP_API_SECRET" in stderr.decode()

"""A shop on a free port, with a stand-in for the gateway behind it and a customer in front."""

import shutil
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, async_playwright

from dasi_demo.pages import Settings
from support.browser_customer import Customer, ManualTime, running_shop
from support.e2e_shop import E2eShop, open_e2e_shop
from support.fake_gateway import FakeGateway
from support.served_app import free_socket

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def time_() -> ManualTime:
    return ManualTime()


@pytest.fixture
async def gateway_server() -> AsyncIterator[tuple[FakeGateway, TestServer]]:
    stand_in = FakeGateway()
    server = TestServer(stand_in.app)
    await server.start_server()
    yield stand_in, server
    await server.close()


@pytest.fixture
def stand_in(gateway_server: tuple[FakeGateway, TestServer]) -> FakeGateway:
    return gateway_server[0]


@pytest.fixture
async def customer(
    gateway_server: tuple[FakeGateway, TestServer], time_: ManualTime
) -> AsyncIterator[Customer]:
    settings = Settings(
        gateway_url=str(gateway_server[1].make_url("")).rstrip("/"),
        merchant_code="imp00000001",
        api_key="key",
        api_secret="right",
        pg="kicc.T0021766",
    )
    async with running_shop(settings, free_socket(), now=time_) as customer:
        yield customer


@pytest.fixture
async def subscriber(customer: Customer, stand_in: FakeGateway) -> Customer:
    """A customer whose card is registered and whose first month is paid."""
    request = await customer.order("morning")
    imp_uid = stand_in.window_ends(request, "paid")
    await customer.see("/finish", merchant_uid=request["merchant_uid"], imp_uid=imp_uid)
    return customer


@pytest.fixture
async def e2e_shop(database_url: str) -> AsyncIterator[E2eShop]:
    """The same with the real gateway, PostgreSQL and the KICC simulator."""
    async with open_e2e_shop(database_url) as e2e_shop:
        yield e2e_shop


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (Debian: apt install chromium)")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-sync"]
        )
        yield opened
        await opened.close()

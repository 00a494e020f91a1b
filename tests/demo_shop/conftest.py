"""A shop on a free port, with a stand-in for the gateway behind it and a customer in front."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
import uvicorn
from aiohttp.test_utils import TestServer

from demo_shop.pages import Settings, make_shop
from far_gateway import StandIn
from shop_customer import Customer, TurnedTime


@pytest.fixture
def time_() -> TurnedTime:
    return TurnedTime()


@pytest.fixture
async def gateway_server() -> AsyncIterator[tuple[StandIn, TestServer]]:
    stand_in = StandIn()
    server = TestServer(stand_in.app)
    await server.start_server()
    yield stand_in, server
    await server.close()


@pytest.fixture
def stand_in(gateway_server: tuple[StandIn, TestServer]) -> StandIn:
    return gateway_server[0]


@pytest.fixture
async def customer(
    gateway_server: tuple[StandIn, TestServer], time_: TurnedTime
) -> AsyncIterator[Customer]:
    shop = make_shop(
        Settings(
            gateway_url=str(gateway_server[1].make_url("")).rstrip("/"),
            merchant_code="imp00000001",
            api_key="key",
            api_secret="right",
            pg="kicc.T0021766",
        ),
        now=time_,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(shop, log_level="warning", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Customer(f"http://127.0.0.1:{listener.getsockname()[1]}", session)
    server.should_exit = True
    await serving


@pytest.fixture
async def subscriber(customer: Customer, stand_in: StandIn) -> Customer:
    """A customer whose card is registered and whose first month is paid."""
    wish = await customer.order("morning")
    imp_uid = stand_in.window_ends(wish, "paid")
    await customer.see("/finish", merchant_uid=wish["merchant_uid"], imp_uid=imp_uid)
    return customer

"""Behind real proxies with TLS, everything that counts or logs a client sees the same address."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from yarl import URL

from console.http_browser import PASSWORD, ConsoleUser, add_member
from dasi.http.client_address import TrustedProxies, parse_networks
from dasi.users import Role
from pg_notifications.test_limits import NUMBERS, notification
from support.gateway_merchant import MerchantClient, new_window, running_gateway
from support.proxies import Header, Proxy, needs_program, running_proxy
from support.served_app import served
from support.simulator_process import SimulatorControl

KICC = "203.233.72.55"
FORGED = {"X-Forwarded-For": KICC, "Forwarded": f'for={KICC};proto=http, for="'}
CLIENT, OTHER_CLIENT = "127.0.0.2", "127.0.0.3"
PROXIES = [
    pytest.param(name, header, marks=needs_program(name))
    for name in ("nginx", "caddy")
    for header in ("x-forwarded-for", "forwarded")
]


@asynccontextmanager
async def browser(proxy: Proxy, address: str = CLIENT) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with an address of its own that claims to be KICC."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0), ssl=proxy.tls)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True), headers=FORGED
    ) as http:
        yield http


@pytest.mark.parametrize(("program", "header"), PROXIES)
async def test_address_and_scheme_are_the_clients(program: str, header: Header):
    async def app(scope, receive, send):
        request = Request(scope)
        answer = JSONResponse([request.client.host, request.url.scheme])
        await answer(scope, receive, send)

    proxied = TrustedProxies(app, networks=parse_networks("127.0.0.1"), header=header)
    async with served(proxied) as upstream:
        with running_proxy(program, upstream, header=header) as proxy:
            async with browser(proxy) as http, http.get(proxy.url) as answer:
                assert await answer.json() == [CLIENT, "https"]


@asynccontextmanager
async def gateway_behind(
    program: str, header: Header, database_url: str, kicc: SimulatorControl
) -> AsyncIterator[tuple[MerchantClient, Proxy]]:
    async with running_gateway(
        database_url,
        kicc,
        DASI_TRUSTED_PROXIES="127.0.0.1",
        DASI_FORWARDED_HEADER=header,
        DASI_WINDOWS_PER_ADDRESS="2",
    ) as client:
        with running_proxy(program, client.url, header=header) as proxy:
            yield client, proxy


@pytest.mark.parametrize(("program", "header"), PROXIES)
async def test_all_that_counts_a_client_sees_its_address(
    program: str, header: Header, database_url: str, kicc: SimulatorControl
):
    async with (
        gateway_behind(program, header, database_url, kicc) as (client, proxy),
        browser(proxy) as http,
        browser(proxy, OTHER_CLIENT) as other_http,
    ):
        body = notification(order="ch-none", number=next(NUMBERS))
        headers = {"Content-Type": "application/json"}
        notifications = f"{proxy.url}/pg-notifications/kicc"
        async with http.post(notifications, data=body, headers=headers) as answer:
            assert answer.status == 200
        (row,) = await client.rows("SELECT source FROM pg_notifications")
        assert row["source"] == CLIENT

        email = await add_member(client, Role.DEVELOPER)
        for password in ("wrong horse battery", PASSWORD):
            user = ConsoleUser(client, http, url=proxy.url)
            await user.get("/console/sign-in")
            await user.post("/console/sign-in", {"email": email, "password": password})
        audited = await client.rows(
            "SELECT DISTINCT address FROM audit_log WHERE address <> 'terminal'"
        )
        assert [row["address"] for row in audited] == [CLIENT]
        (limited,) = await client.rows(
            "SELECT count(*) AS n FROM auth_failures WHERE subject LIKE '%127.0.0.2%'"
        )
        assert limited["n"] >= 1

        path = URL(client.window_path()).path
        statuses = [await window_status(http, f"{proxy.url}{path}") for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert await window_status(other_http, f"{proxy.url}{path}") == 200


async def window_status(http: aiohttp.ClientSession, url: str) -> int:
    body = {"param": new_window(), "device": "pc", "page_url": "http://shop.example/order"}
    async with http.post(url, json=body) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize(
    "program", [pytest.param(n, marks=needs_program(n)) for n in ("nginx", "caddy")]
)
async def test_metrics_are_not_served_through_a_proxy(
    program: str, database_url: str, kicc: SimulatorControl
):
    """Also when the operator trusts no proxy, so that each client seems to be on this machine."""
    async with running_gateway(database_url, kicc) as client:
        with running_proxy(program, client.url, header="x-forwarded-for") as proxy:
            async with browser(proxy) as http, http.get(f"{proxy.url}/metrics") as answer:
                assert answer.status == 404
                assert json.loads(await answer.text())["code"] == -1

"""Every response says `nosniff`; `/metrics` is for this machine; a client that leaves is no bug."""

import asyncio

import pytest

from support.gateway_merchant import MerchantClient, running_gateway
from support.logs import logged
from support.simulator_process import SimulatorControl

PATHS = [
    "/health/live", "/metrics", "/docs", "/openapi.json", "/nowhere", "/payments/imp_1",
    "/console/sign-in", "/console/-/base.css", "/console/nowhere", "/sdk/imp.js",
    "/checkout/imp00000001/opening", "/checkout/imp00000001/windows/none", "/users/pg/imp00000001",
    "/payments/ready/imp00000001", "/payments/success", "/pg-notifications/kicc",
]  # fmt: skip


async def test_every_response_of_the_gateway_says_nosniff_once(gateway: MerchantClient):
    for path in PATHS:
        async with gateway.http.get(f"{gateway.url}{path}", allow_redirects=False) as answer:
            assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"], path


@pytest.mark.parametrize(
    "request_bytes",
    [b"NONSENSE\r\n\r\n", b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX: "
     + b"a" * 40_000],
)  # fmt: skip
async def test_errors_of_the_server_itself_say_nosniff(gateway: MerchantClient, request_bytes):
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_bytes)
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"x-content-type-options: nosniff" in answer.lower()
    writer.close()


async def test_simulator_says_nosniff(kicc: SimulatorControl, gateway: MerchantClient):
    for path in ("/_simulator/", "/nowhere"):
        async with gateway.http.get(f"{kicc.base_url}{path}") as answer:
            assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"], path


async def metrics_status(client: MerchantClient, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.http.get(f"{client.url}/metrics", headers=named) as answer:
        return answer.status


async def test_metrics_are_for_programs_on_this_machine(database_url: str, kicc: SimulatorControl):
    async with running_gateway(database_url, kicc, DASI_TRUSTED_PROXIES="127.0.0.1") as client:
        assert await metrics_status(client) == 200
        assert await metrics_status(client, X_Forwarded_For="198.51.100.7") == 404
        assert await metrics_status(client, X_Forwarded_For="127.0.0.1") == 404
        assert await metrics_status(client, Via="1.1 proxy") == 404


async def test_metrics_with_a_token_are_for_its_holders(database_url: str, kicc: SimulatorControl):
    token = "m" * 32
    async with running_gateway(database_url, kicc, DASI_METRICS_TOKEN=token) as client:
        assert await metrics_status(client) == 404
        assert await metrics_status(client, Authorization="Bearer wrong") == 404
        sent = {"Authorization": f"Bearer {token}", "X_Forwarded_For": "198.51.100.7"}
        assert await metrics_status(client, **sent) == 200


async def test_client_that_leaves_is_not_logged_as_a_bug(gateway: MerchantClient):
    token = await gateway.token()
    with logged() as stream:
        for path, kind in [
            ("/payments/prepare", "application/json"),
            ("/users/getToken", "application/json"),
            ("/checkout/imp00000001/windows", "application/json"),
            ("/pg-notifications/kicc", "application/json"),
            ("/console/sign-in", "application/x-www-form-urlencoded"),
        ]:
            for length, body in [(100, b"{"), (3_000_000, b" " * 2_000_000)]:
                await leave(gateway, path, kind=kind, token=token, length=length, body=body)
        for _ in range(20):  # the server has seen each of them leave by then
            async with gateway.http.get(f"{gateway.url}/health/ready") as alive:
                assert alive.status == 200
    assert "Traceback" not in stream.getvalue()
    assert "unhandled_exception" not in stream.getvalue()


async def leave(
    client: MerchantClient, path: str, *, kind: str, token: str, length: int, body: bytes
) -> None:
    """Send a part of a body and close the connection."""
    host, port = client.url.removeprefix("http://").split(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {client.url}\r\n"
        f"Authorization: {token}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await asyncio.wait({asyncio.create_task(writer.drain())}, timeout=0.5)
    writer.transport.abort()

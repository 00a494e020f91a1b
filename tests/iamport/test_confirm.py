"""`confirm_url`: one request to the merchant before the approval; its refusal is final."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dasi.foundation.clock import ManualClock
from dasi.windows import expire_windows
from support.gateway_merchant import MerchantClient, running_gateway
from support.served_app import served
from support.simulator_process import SimulatorControl


@dataclass
class Merchant:
    """A merchant's server that confirms or refuses each approval."""

    answer: Callable[[], Response] = lambda: JSONResponse({})
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    has_request: asyncio.Event = field(default_factory=asyncio.Event)

    async def confirm(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.has_request.set()
        await self.may_answer.wait()
        return self.answer()


@asynccontextmanager
async def merchant() -> AsyncIterator[Merchant]:
    server = Merchant()
    server.may_answer.set()
    async with served(Starlette(routes=[Route("/c", server.confirm, methods=["POST"])])) as url:
        server.url = f"{url}/c"
        yield server
        server.may_answer.set()


async def test_a_confirmation_lets_the_approval_be_sent(gateway: MerchantClient) -> None:
    async with merchant() as server:
        rsp = await gateway.pay_in_window(merchant_uid="o-1", amount=19_900, confirm_url=server.url)

    assert rsp["success"], rsp
    expected = {"imp_uid": rsp["imp_uid"], "merchant_uid": "o-1", "amount": 19_900}
    assert server.requests == [expected]
    assert await gateway.net_krw() == 19_900


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: JSONResponse({"reason": "재고 없음\n(1)"}, status_code=409), "재고 없음 (1)"),
        (lambda: JSONResponse({}, status_code=201), "알 수 없음"),
        (lambda: Response("<html>", status_code=500), "알 수 없음"),
        (lambda: RedirectResponse("/c", status_code=307), "알 수 없음"),
        (lambda: JSONResponse({"reason": {"a": 1}}, status_code=400), "알 수 없음"),
    ],
)
async def test_a_refusal_fails_the_payment_and_nothing_is_sent_to_the_pg(
    gateway: MerchantClient, answer: Callable[[], Response], reason: str
) -> None:
    async with merchant() as server:
        server.answer = answer
        rsp = await gateway.pay_in_window(merchant_uid="o-1", confirm_url=server.url)

    assert rsp["success"] is False
    assert f"고객사 요청에 의해 결제를 중단합니다. (상세사유 : {reason})" in rsp["error_msg"]
    assert len(server.requests) == 1
    payment = (await gateway.get("/payments/find/o-1")).response
    assert payment["status"] == "failed"
    assert payment["fail_reason"].endswith(f"(상세사유 : {reason})")
    assert await gateway.approvals() == []
    assert await gateway.rows("SELECT attempt_id FROM pg_attempts") == []


async def test_an_unreachable_merchant_fails_the_payment(gateway: MerchantClient) -> None:
    async with merchant() as server:
        url = server.url
    rsp = await gateway.pay_in_window(confirm_url=url)

    assert rsp["success"] is False
    assert await gateway.approvals() == []


async def test_the_address_must_be_public(database_url: str, kicc: SimulatorControl) -> None:
    async with (
        merchant() as server,
        running_gateway(database_url, kicc, DASI_ALLOW_LOCAL_WEBHOOKS="off") as client,
    ):
        rsp = await client.pay_in_window(confirm_url=server.url)
        by_name = await client.pay_in_window(
            confirm_url=server.url.replace("127.0.0.1", "localhost")
        )

        assert (rsp["success"], by_name["success"]) == (False, False)
        assert server.requests == []
        assert await client.approvals() == []


async def test_two_returns_at_once_ask_the_merchant_and_the_pg_once(
    gateway: MerchantClient,
) -> None:
    async with merchant() as server:
        server.may_answer.clear()
        opened = await gateway.ask_for_window(
            merchant_uid="o-1", amount=5_000, confirm_url=server.url
        )
        fields = await _return_fields(gateway, opened["window_url"])
        first = asyncio.create_task(gateway.come_back(opened["window_token"], fields))
        await server.has_request.wait()
        while_asking = await gateway.result(opened["window_token"])
        assert await gateway.come_back(opened["window_token"], fields) == 303
        await gateway.close_window(opened["window_token"])
        server.may_answer.set()
        assert await first == 303

    assert while_asking["progress"] == "processing"
    assert len(server.requests) == 1
    assert (await gateway.result(opened["window_token"]))["rsp"]["success"] is True
    assert await gateway.net_krw() == 5_000


async def test_a_gateway_that_dies_during_the_request_leaves_a_window_that_expires(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await kicc.set_clock(clock.now().isoformat())
    async with merchant() as server, running_gateway(database_url, kicc, clock=clock) as client:
        server.may_answer.clear()
        opened = await client.ask_for_window(merchant_uid="o-1", confirm_url=server.url)
        fields = await _return_fields(client, opened["window_url"])
        late = asyncio.create_task(client.come_back(opened["window_token"], fields))
        await server.has_request.wait()
        clock.advance(timedelta(seconds=61))

        assert await expire_windows(client.engine) == 1
        server.may_answer.set()  # a late confirmation moves nothing
        await late

        assert (await client.result(opened["window_token"]))["rsp"]["success"] is False
        assert await client.approvals() == []
        assert await client.rows("SELECT attempt_id FROM pg_attempts") == []


async def _return_fields(client: MerchantClient, window_url: str) -> dict[str, str]:
    """Return the fields that KICC's window sends through the payer's browser."""
    _, fields = await client.kicc.window(window_url, "approve")
    return fields

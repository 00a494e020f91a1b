"""`confirm_url`: the merchant is asked once, before the PG is, and its no is final."""

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
    """A shop's server that is asked before each approval."""

    answer: Callable[[], Response] = lambda: JSONResponse({})
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def confirm(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.was_asked.set()
        await self.may_answer.wait()
        return self.answer()


@asynccontextmanager
async def merchant() -> AsyncIterator[Merchant]:
    one = Merchant()
    one.may_answer.set()
    async with served(Starlette(routes=[Route("/c", one.confirm, methods=["POST"])])) as url:
        one.url = f"{url}/c"
        yield one
        one.may_answer.set()


async def test_a_yes_lets_the_pg_be_asked(gateway: MerchantClient) -> None:
    async with merchant() as asked:
        rsp = await gateway.pay_in_window(merchant_uid="o-1", amount=19_900, confirm_url=asked.url)

    assert rsp["success"], rsp
    told = {"imp_uid": rsp["imp_uid"], "merchant_uid": "o-1", "amount": 19_900}
    assert asked.asked == [told]
    assert await gateway.net_krw() == 19_900


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda: JSONResponse({"reason": "재고 없음\n(1)"}, status_code=409), "재고 없음 (1)"),
        (lambda: JSONResponse({}, status_code=201), "알 수 없음"),
        (lambda: Response("<html>", status_code=500), "알 수 없음"),
        (lambda: RedirectResponse("/c", status_code=307), "알 수 없음"),
        (lambda: JSONResponse({"reason": {"a": 1}}, status_code=400), "알 수 없음"),
    ],
)
async def test_a_no_ends_the_payment_and_nothing_is_asked_of_the_pg(
    gateway: MerchantClient, answer: Callable[[], Response], why: str
) -> None:
    async with merchant() as asked:
        asked.answer = answer
        rsp = await gateway.pay_in_window(merchant_uid="o-1", confirm_url=asked.url)

    assert rsp["success"] is False
    assert f"고객사 요청에 의해 결제를 중단합니다. (상세사유 : {why})" in rsp["error_msg"]
    assert len(asked.asked) == 1
    payment = (await gateway.get("/payments/find/o-1")).response
    assert payment["status"] == "failed"
    assert payment["fail_reason"].endswith(f"(상세사유 : {why})")
    assert await gateway.approvals() == []
    assert await gateway.rows("SELECT attempt_id FROM pg_attempts") == []


async def test_a_merchant_that_cannot_be_reached_says_no(gateway: MerchantClient) -> None:
    async with merchant() as asked:
        url = asked.url
    rsp = await gateway.pay_in_window(confirm_url=url)

    assert rsp["success"] is False
    assert await gateway.approvals() == []


async def test_the_address_must_be_public(database_url: str, kicc: SimulatorControl) -> None:
    async with (
        merchant() as asked,
        running_gateway(database_url, kicc, DASI_ALLOW_LOCAL_WEBHOOKS="off") as client,
    ):
        rsp = await client.pay_in_window(confirm_url=asked.url)
        by_name = await client.pay_in_window(
            confirm_url=asked.url.replace("127.0.0.1", "localhost")
        )

        assert (rsp["success"], by_name["success"]) == (False, False)
        assert asked.asked == []
        assert await client.approvals() == []


async def test_two_returns_at_once_ask_the_merchant_and_the_pg_once(
    gateway: MerchantClient,
) -> None:
    async with merchant() as asked:
        asked.may_answer.clear()
        told = await gateway.request_window(merchant_uid="o-1", amount=5_000, confirm_url=asked.url)
        fields = await _return_fields(gateway, told["window_url"])
        first = asyncio.create_task(gateway.post_return(told["window_token"], fields))
        await asked.was_asked.wait()
        while_asking = await gateway.result(told["window_token"])
        assert await gateway.post_return(told["window_token"], fields) == 303
        await gateway.close_window(told["window_token"])
        asked.may_answer.set()
        assert await first == 303

    assert while_asking["progress"] == "processing"
    assert len(asked.asked) == 1
    assert (await gateway.result(told["window_token"]))["rsp"]["success"] is True
    assert await gateway.net_krw() == 5_000


async def test_who_dies_while_asking_leaves_an_order_that_ends(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await kicc.set_clock(clock.now().isoformat())
    async with merchant() as asked, running_gateway(database_url, kicc, clock=clock) as client:
        asked.may_answer.clear()
        told = await client.request_window(merchant_uid="o-1", confirm_url=asked.url)
        fields = await _return_fields(client, told["window_url"])
        late = asyncio.create_task(client.post_return(told["window_token"], fields))
        await asked.was_asked.wait()
        clock.advance(timedelta(seconds=61))

        assert await expire_windows(client.engine) == 1
        asked.may_answer.set()  # a yes that comes too late moves nothing
        await late

        assert (await client.result(told["window_token"]))["rsp"]["success"] is False
        assert await client.approvals() == []
        assert await client.rows("SELECT attempt_id FROM pg_attempts") == []


async def _return_fields(client: MerchantClient, window_url: str) -> dict[str, str]:
    """What KICC's window gives to the payer's browser to bring back."""
    _, fields = await client.kicc.window(window_url, "approve")
    return fields

"""A checkout with one shop, and at its far side a KICC that says what a test tells it to say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response

from dasi.channels import add_channel
from dasi.checkout.routes import routes
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.foundation.db import Database
from dasi.foundation.vault import Vault
from dasi.http.admission import Admission
from dasi.merchants import Merchant, add_merchant
from dasi.providers.kicc.adapter import KiccProvider
from support.fake_kicc import SECRET, Call, FakeKicc, Reply, approval, fake_kicc, key_issue, says
from support.served_app import address_of, free_socket, served

CODE = "imp00000001"
PAGE_ORIGIN = "http://shop.example"
SESSION = "26090310014410700041"


@dataclass
class Kicc:
    """What KICC says next. By default: yes."""

    side: FakeKicc = field(init=False)
    to_register: Callable[[Call], Reply] | None = None
    to_approve: Callable[[Call], Reply] | None = None
    amount_krw: int = 0

    def answer(self, call: Call) -> Reply:
        if call.path.endswith("/webpay"):
            self.amount_krw = call.body["amount"]
            return (self.to_register or self._registered)(call)
        return (self.to_approve or self._approved)(call)

    def calls_to(self, path_end: str) -> list[Call]:
        return [call for call in self.side.calls if call.path.endswith(path_end)]

    def _registered(self, _call: Call) -> Reply:
        url = f"{self.side.url}/view/trades/cert-req.do?authorizationId={SESSION}"
        return says({"resCd": "0000", "resMsg": "정상", "authPageUrl": url})

    def _approved(self, call: Call) -> Reply:
        is_key = self.calls_to("/webpay")[-1].body["payMethodTypeCode"] == "81"
        body = key_issue(call) if is_key else approval(call, amount_of_window=self.amount_krw)
        return says(body)


def _app(engine: Engine) -> Starlette:
    checkout_routes = routes(engine, windows_per_address=120, windows_per_merchant=120)
    admission = Middleware(
        Admission,
        requests_max=256,
        body_max_bytes=1_048_576,
        reject=lambda: Response(status_code=503),
        refuse_late=lambda: Response(status_code=408),
    )
    return Starlette(routes=checkout_routes, middleware=[admission])


@dataclass
class CheckoutFixture:
    """The checkout over HTTP, as the SDK, the payer's browser and the PG's window use it."""

    url: str
    engine: Engine
    merchant: Merchant
    kicc: Kicc
    http: aiohttp.ClientSession
    order: dict[str, Any] = field(
        default_factory=lambda: {"merchant_uid": "order-1", "name": "원두 200g", "amount": 19_900}
    )

    def path(self, window_token: str, end: str = "") -> str:
        return f"{self.url}/checkout/{CODE}/windows/{window_token}{end}"

    async def ask(self, *, device: str = "pc", **param: Any) -> dict[str, Any]:
        """Return the body that the SDK gets when it opens a window."""
        request_body = {"param": {**self.order, **param}, "device": device, "page_url": PAGE_ORIGIN}
        headers = {"Origin": PAGE_ORIGIN}
        address = f"{self.url}/checkout/{CODE}/windows"
        async with self.http.post(address, json=request_body, headers=headers) as answer:
            response_body: dict[str, Any] = await answer.json()
            return response_body

    async def open(self, **param: Any) -> str:
        """The token of a window that was opened."""
        response_body = await self.ask(**param)
        assert "window_token" in response_body, response_body
        return str(response_body["window_token"])

    async def post_return(
        self, window_token: str, *, code: str = "0000", text: str = "정상", **more: str
    ) -> tuple[int, str]:
        """The payer's browser posts the return. Status and where it is sent."""
        fields = {
            "resCd": code,
            "resMsg": text,
            "shopOrderNo": self.kicc.calls_to("/webpay")[-1].body["shopOrderNo"],
            "authorizationId": SESSION,
            **more,
        }
        address = self.path(window_token, "/return")
        async with self.http.post(address, data=fields, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "")

    async def result(self, window_token: str) -> dict[str, Any]:
        async with self.http.get(self.path(window_token, "/result")) as answer:
            response_body: dict[str, Any] = await answer.json()
            return response_body

    async def see(self, window_token: str) -> tuple[aiohttp.ClientResponse, str]:
        """The page of the way back, not followed further."""
        async with self.http.get(self.path(window_token), allow_redirects=False) as answer:
            return answer, await answer.text()


@pytest.fixture
async def checkout(database: Database, clock: ManualClock) -> AsyncIterator[CheckoutFixture]:
    listening = free_socket()
    kicc = Kicc()
    async with fake_kicc(kicc.answer) as side:
        kicc.side = side
        provider = KiccProvider(
            sandbox_url=side.url, live_url=side.url, clock=clock, connections_max=4
        )
        engine = Engine(
            database=database,
            clock=clock,
            vault=Vault([bytes(32)]),
            providers={"kicc": provider},
            public_url=address_of(listening),
            window_ttl_s=1800,
        )
        merchant = await add_merchant(engine, code=CODE, name="다시 커피", webhook_url=None)
        await add_channel(
            engine,
            merchant,
            provider="kicc",
            pg_merchant_id="T0021766",
            secret=SECRET,
            is_sandbox=True,
            is_default=True,
        )
        try:
            async with (
                served(_app(engine), listening) as url,
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
            ):
                yield CheckoutFixture(url, engine, merchant, kicc, http)
        finally:
            await provider.close()
            await asyncio.sleep(0)  # the client's sockets close in the loop's next turn

"""A gateway with one merchant, and a client that calls it as a merchant and its payers do.

    async with running_gateway(database_url, kicc) as client:
        await client.register_card("card-1")
        paid = await client.again(customer_uid="card-1", amount=9_900)

The application is the real one on a free port of this machine, in the test's own loop, so a test
may also look at its engine and its database. `gateway_process` runs the same as programs.
"""

import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from yarl import URL

from dasi.app import create_app, open_engine
from dasi.channels import Channel, add_channel, list_channels
from dasi.demo.headless_payer import pay_in_window
from dasi.engine import Engine
from dasi.foundation.clock import Clock
from dasi.merchants import Merchant, NewApiKey, add_api_key, add_merchant, find_merchant_by_code
from dasi.schedules import revoke_test_schedules
from dasi.settings import read_settings
from support.served_app import address_of, free_socket, served
from support.simulator_process import SimulatorControl

CODE = "imp00000001"
MID, PG_SECRET = "T0021766", "easypay!KICCTEST"  # the contract KICC publishes for tests
VAULT_KEY = base64.b64encode(bytes(range(32))).decode()
LIVE_MID, LIVE_SECRET = "05700001", "easypay!LIVE0001"
PAGE_URL = "http://shop.example/order"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """The envelope of an answer. `read_envelope` has checked its form."""

    http_status: int
    code: int
    message: str | None
    response: Any
    body: bytes = field(repr=False)


@dataclass
class MerchantClient:
    """One merchant of a gateway: its key, its channel, and an HTTP client with its token."""

    url: str
    engine: Engine
    merchant: Merchant
    key: NewApiKey
    channel: Channel
    kicc: SimulatorControl
    http: aiohttp.ClientSession
    _token: str | None = None

    async def token(self) -> str:
        """The access token, fetched once."""
        if self._token is None:
            credentials = {"imp_key": self.key.api_key, "imp_secret": self.key.api_secret}
            answer = await self.call("POST", "/users/getToken", json=credentials, headers={})
            assert answer.code == 0, answer
            self._token = str(answer.response["access_token"])
        return self._token

    async def call(
        self, method: str, path: str | URL, *, headers: dict[str, str] | None = None, **sent: Any
    ) -> Answer:
        """Send one request and return the envelope; the token is sent unless there are `headers`.

        A `path` that is an encoded `URL` is sent unchanged.
        """
        if headers is None:
            headers = {"Authorization": await self.token()}
        url = URL(self.url).join(path) if isinstance(path, URL) else f"{self.url}{path}"
        async with self.http.request(method, url, headers=headers, **sent) as answered:
            return await read_envelope(answered)

    async def get(self, path: str) -> Answer:
        return await self.call("GET", path)

    async def again(self, **fields: Any) -> Answer:
        """Charge a stored card, by default 9,900 won for a new order."""
        body = {"customer_uid": "card-1", "merchant_uid": new_order(), "amount": 9_900, **fields}
        return await self.call("POST", "/subscribe/payments/again", json=body)

    async def register_card(self, customer_uid: str = "card-1", **param: Any) -> dict[str, Any]:
        """Register a card in the payment window, and return the page's `rsp`."""
        order = {"name": "카드 등록", "amount": 0, "customer_uid": customer_uid}
        rsp = await self.pay_in_window(**{**order, **param})
        assert rsp["success"], rsp
        return rsp

    async def pay_in_window(self, **param: Any) -> dict[str, Any]:
        """Pay in the window as a payer who approves at once, and return the `rsp`."""
        return await pay_in_window(
            self.http,
            gateway_url=self.url,
            merchant_code=self.merchant.code,
            param={**new_window(), **param},
            page_url=PAGE_URL,
        )

    async def request_window(self, **param: Any) -> dict[str, Any]:
        """Open a window as the SDK does: the answer is a window, or an `rsp` that refuses it."""
        body = {"param": {**new_window(), **param}, "device": "pc", "page_url": PAGE_URL}
        async with self.http.post(self.window_path(), json=body) as answered:
            answer: dict[str, Any] = await answered.json()
            return answer

    async def post_return(self, window_token: str, fields: dict[str, str]) -> int:
        """Post a return as the payer's browser does: the status. No redirect is followed."""
        url = self.window_path(window_token, "/return")
        async with self.http.post(url, data=fields, allow_redirects=False) as answered:
            return answered.status

    async def result(self, window_token: str) -> dict[str, Any]:
        """The result of a window as its page reads it: `progress` and `rsp`."""
        async with self.http.get(self.window_path(window_token, "/result")) as answered:
            answer: dict[str, Any] = await answered.json()
            return answer

    async def close_window(self, window_token: str) -> dict[str, Any]:
        """Close a window as its payer does."""
        async with self.http.post(self.window_path(window_token, "/close")) as answered:
            answer: dict[str, Any] = await answered.json()
            return answer

    def window_path(self, *rest: str) -> str:
        window_token, *end = rest or ("",)
        part = f"/{window_token}{''.join(end)}" if window_token else ""
        return f"{self.url}/checkout/{self.merchant.code}/windows{part}"

    async def go_live(self, **more: Any) -> Channel:
        """Add a live channel, which the same simulator serves, and return it."""
        await self.kicc.control("POST", "/malls", {"mallId": LIVE_MID, "key": LIVE_SECRET})
        return await add_live_channel(self.engine, self.merchant, **more)

    async def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a query to the database."""
        return [dict(row) for row in await self.engine.database.fetch(sql, *values)]

    async def approvals(self) -> list[dict[str, Any]]:
        """The approvals of money in the simulator's ledger: only they count for M1."""
        state = await self.kicc.state(mall=self.channel.pg_merchant_id)
        return [paid for paid in state["transactions"] if paid["kind"] != "key"]

    async def net_krw(self) -> int:
        """The amount that this MID's payers have paid, by the simulator's ledger."""
        state = await self.kicc.state(mall=self.channel.pg_merchant_id)
        return int(state["sums"].get(self.channel.pg_merchant_id, {"net": 0})["net"])


async def add_live_channel(engine: Engine, merchant: Merchant, **more: Any) -> Channel:
    """Add the merchant's first live channel: the merchant is live from then on."""
    return await add_channel(
        engine,
        merchant,
        **{
            "provider": "kicc",
            "pg_merchant_id": LIVE_MID,
            "secret": LIVE_SECRET,
            "is_sandbox": False,
            "is_default": True,
            "also": revoke_test_schedules,
            **more,
        },
    )


def new_order() -> str:
    """A new order number."""
    return f"some-order-{next(_numbers)}"


def new_window() -> dict[str, Any]:
    return {"merchant_uid": new_order(), "name": "원두 200g", "amount": 19_900}


async def read_envelope(answered: aiohttp.ClientResponse) -> Answer:
    """Read an answer: it must be Iamport's envelope, and a failure must have a message."""
    body = await answered.read()
    assert answered.content_type == "application/json", (answered.status, body[:500])
    envelope = await answered.json()
    assert set(envelope) == {"code", "message", "response"}, envelope
    is_success = envelope["code"] == 0
    assert (envelope["message"] is None) == is_success, envelope
    assert is_success or envelope["response"] is None, envelope
    assert answered.status in (200, 207) or not is_success, (answered.status, envelope)
    return Answer(
        answered.status, envelope["code"], envelope["message"], envelope["response"], body
    )


def environment(database_url: str, *, kicc_url: str, public_url: str) -> dict[str, str]:
    """The settings of a gateway that uses a simulator."""
    return {
        "DASI_DATABASE_URL": database_url,
        "DASI_VAULT_KEYS": VAULT_KEY,
        "DASI_KICC_SANDBOX_URL": kicc_url,
        "DASI_PUBLIC_URL": public_url,
        # A live PG on this machine is a rehearsal, which needs no public URL.
        "DASI_KICC_LIVE_URL": "https://127.0.0.1:9",
        "DASI_ALLOW_LOCAL_WEBHOOKS": "on",
        "DASI_LOG_FORMAT": "json",
        "DASI_INLINE_LOOKUP_DELAY_S": "0",  # only a test resolves an attempt
        "DASI_DRAIN_PAUSE_S": "0",
    }


@asynccontextmanager
async def running_gateway(
    database_url: str,
    kicc: SimulatorControl,
    *,
    clock: Clock | None = None,
    webhook_url: str | None = None,
    is_new: bool = True,
    **more: str,
) -> AsyncIterator[MerchantClient]:
    """Run a gateway with one merchant until the block ends. `more`: settings by variable name.

    `is_new=False`: the database has the merchant already.
    """
    listening = free_socket()
    public_url = address_of(listening)
    variables = environment(database_url, kicc_url=kicc.base_url, public_url=public_url)
    # The setting must be https; a simulator on this machine may be without.
    settings = replace(read_settings({**variables, **more}), kicc_live_url=kicc.base_url)
    async with (
        open_engine(settings, clock=clock) as engine,
        served(create_app(engine, settings), listening) as url,
        open_merchant(engine, url, kicc, webhook_url=webhook_url, is_new=is_new) as client,
    ):
        yield client


@asynccontextmanager
async def open_merchant(
    engine: Engine,
    url: str,
    kicc: SimulatorControl,
    *,
    code: str = CODE,
    pg_merchant_id: str = MID,
    webhook_url: str | None = None,
    is_new: bool = True,
) -> AsyncIterator[MerchantClient]:
    """A merchant with one key and one channel, and a client for it.

    `is_new=False`: the merchant and its channel exist already; only the key is new.
    """
    if is_new:
        merchant = await add_merchant(engine, code=code, name="다시 커피", webhook_url=webhook_url)
        channel = await add_channel(
            engine,
            merchant,
            provider="kicc",
            pg_merchant_id=pg_merchant_id,
            secret=PG_SECRET,
            is_sandbox=True,
            is_default=True,
        )
    else:
        merchant = await find_merchant_by_code(engine, code)
        (channel,) = await list_channels(engine, merchant.merchant_id)
    key = await add_api_key(engine, merchant)
    connections = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connections, cookie_jar=aiohttp.DummyCookieJar()
    ) as http:
        yield MerchantClient(url, engine, merchant, key, channel, kicc, http)

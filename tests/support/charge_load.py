"""Charges under way all the time, while a test restarts or migrates what serves them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from support.gateway_merchant import MerchantClient, new_order

AMOUNT_KRW = 9_900


@dataclass
class ChargeLoad:
    """What the clients were answered. `failures`: every answer that is not a success."""

    client: MerchantClient
    paid: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_more(self, count: int) -> None:
        """Wait until as many more orders were answered."""
        target = self._count() + count
        async with asyncio.timeout(60), self._progress:
            await self._progress.wait_for(lambda: self._count() >= target)

    def add(self, other: "ChargeLoad") -> None:
        """Count the orders of another load of the same merchant."""
        self.paid += other.paid
        self.cancelled += other.cancelled
        self.failures += other.failures

    async def assert_books_agree(self) -> None:
        """Each order is paid once, at the gateway and in the simulator, and so are cancels."""
        assert not self.failures, self.failures[:5]
        rows = await self.client.rows(
            "SELECT merchant_uid FROM payments WHERE purpose = 'payment' AND status = 'paid'"
        )
        assert sorted(row["merchant_uid"] for row in rows) == sorted(self.paid)
        approvals = await self.client.approvals()
        assert len(approvals) == len(self.paid) + len(self.cancelled)
        assert await self.client.net_krw() == len(self.paid) * AMOUNT_KRW

    async def charge_until(
        self, stop: asyncio.Event, url: str, *, keeps_connection: bool, is_mixed: bool
    ) -> None:
        """Charge one order after the other, each on a new connection unless it is kept.

        `is_mixed`: also list the payments, and cancel the order.
        """
        headers = {"Authorization": await self.client.token()}
        connector = aiohttp.TCPConnector(force_close=not keeps_connection)
        async with aiohttp.ClientSession(url, connector=connector, headers=headers) as http:
            while not stop.is_set():
                order = new_order()
                orders, failure = self.paid, await _charge(http, order)
                if is_mixed and not failure:
                    orders, failure = self.cancelled, await _list_and_cancel(http, order)
                async with self._progress:
                    if failure:
                        self.failures.append(failure)
                    else:
                        orders.append(order)
                    self._progress.notify_all()

    def _count(self) -> int:
        return len(self.paid) + len(self.cancelled) + len(self.failures)


async def _charge(http: aiohttp.ClientSession, order: str) -> str:
    body = {"customer_uid": "card-1", "merchant_uid": order, "amount": AMOUNT_KRW}
    return await _failure_of(http, "POST", "/subscribe/payments/again", body)


async def _list_and_cancel(http: aiohttp.ClientSession, order: str) -> str:
    return (
        await _failure_of(http, "GET", "/payments/status/paid?limit=20", None)
        or await _failure_of(http, "GET", f"/payments/find/{order}", None)
        or await _failure_of(http, "POST", "/payments/cancel", {"merchant_uid": order})
    )


async def _failure_of(
    http: aiohttp.ClientSession, method: str, path: str, body: dict[str, Any] | None
) -> str:
    """Send one request and return what went wrong, or nothing."""
    try:
        async with http.request(method, path, json=body) as answer:
            text = await answer.text()
            is_success = answer.status == 200 and json.loads(text)["code"] == 0
            is_paid = "again" not in path or '"status":"paid"' in text.replace(" ", "")
    except (aiohttp.ClientError, OSError) as error:
        return f"{path}: {error!r}"
    return "" if is_success and is_paid else f"{path}: {answer.status} {text[:300]}"


@asynccontextmanager
async def charging(
    client: MerchantClient, *urls: str, clients: int = 6, is_mixed: bool = False
) -> AsyncIterator[ChargeLoad]:
    """Charge `card-1` until the block ends: half of the clients on kept connections.

    `is_mixed`: every third client also lists payments, and cancels what it charged.
    """
    load, stop = ChargeLoad(client), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(
                load.charge_until(
                    stop,
                    urls[number % len(urls)],
                    keeps_connection=number // len(urls) % 2 == 0,
                    is_mixed=is_mixed and number % 3 == 0,
                )
            )
        try:
            yield load
        finally:
            stop.set()

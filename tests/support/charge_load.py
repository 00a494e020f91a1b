"""Charges under way all the time, while a test restarts or migrates what serves them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from support.gateway_merchant import MerchantClient, new_order

AMOUNT_KRW = 9_900


@dataclass
class ChargeLoad:
    """What the clients were answered. `failures`: every answer that is not a paid charge."""

    client: MerchantClient
    url: str
    paid: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_more(self, count: int) -> None:
        """Wait until as many more charges were answered."""
        target = len(self.paid) + len(self.failures) + count
        async with asyncio.timeout(60), self._progress:
            await self._progress.wait_for(lambda: len(self.paid) + len(self.failures) >= target)

    async def assert_books_agree(self) -> None:
        """Each order is paid once, at the gateway and in the simulator."""
        assert self.failures == []
        rows = await self.client.rows(
            """SELECT merchant_uid FROM payments WHERE purpose = 'payment' AND status = 'paid'"""
        )
        assert sorted(row["merchant_uid"] for row in rows) == sorted(self.paid)
        approvals = await self.client.approvals()
        assert len(approvals) == len(self.paid)
        assert await self.client.net_krw() == len(self.paid) * AMOUNT_KRW

    async def charge_until(self, stop: asyncio.Event, *, keeps_connection: bool) -> None:
        """Charge one order after the other, each on a new connection unless it is kept."""
        headers = {"Authorization": await self.client.token()}
        connector = aiohttp.TCPConnector(force_close=not keeps_connection)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as http:
            while not stop.is_set():
                order = new_order()
                answer = await self._charge(http, order)
                async with self._progress:
                    self.paid.append(order) if answer == "paid" else self.failures.append(answer)
                    self._progress.notify_all()

    async def _charge(self, http: aiohttp.ClientSession, order: str) -> str:
        body = {"customer_uid": "card-1", "merchant_uid": order, "amount": AMOUNT_KRW}
        try:
            async with http.post(f"{self.url}/subscribe/payments/again", json=body) as answer:
                text = await answer.text()
                if answer.status == 200:
                    return str((await answer.json())["response"]["status"])
        except (aiohttp.ClientError, OSError, TypeError) as error:
            return f"{order}: {error!r}"
        return f"{order}: {answer.status} {text[:200]}"


@asynccontextmanager
async def charging(
    client: MerchantClient, url: str, *, clients: int = 6
) -> AsyncIterator[ChargeLoad]:
    """Charge `card-1` until the block ends: half of the clients on kept connections."""
    load, stop = ChargeLoad(client, url), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(load.charge_until(stop, keeps_connection=number % 2 == 0))
        try:
            yield load
        finally:
            stop.set()

"""A shop: 20 to 25 new orders a second, and each unanswered one again under the same number."""

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from failover.books import Order, amounts
from support.gateway_merchant import MerchantClient

_RATE_MIN, _RATE_MAX = 20, 25
_TIMEOUT_S = 10
_PAUSES_S = (1, 2, 4, 8, 8)
"""Before each repetition of an order whose answer was 5xx or did not come."""
_TOGETHER = 25


class Shop:
    def __init__(self, client: MerchantClient, *, seed: int) -> None:
        self.client = client
        self.orders: list[Order] = []
        self.statuses: Counter[str] = Counter()
        """Answers by HTTP status, and lost ones by kind."""
        self.messages: Counter[str] = Counter()
        """The messages of refusals."""
        self._random = random.Random(seed)
        self._amounts = amounts()
        self._prefix = f"s{seed}-{int(time.time())}"
        self._paid_at: list[float] = []
        self._headers: dict[str, str] = {}

    async def open(self, *, scheduled: int, first_s: float, last_s: float) -> None:
        """Register the card and create schedules that are due between two moments from now on."""
        await self.client.register_card()
        self._headers = {"Authorization": await self.client.token()}
        now = datetime.now(UTC)
        orders = [self._new_order(is_scheduled=True) for _ in range(scheduled)]
        created = await self.client.call(
            "POST",
            "/subscribe/payments/schedule",
            json={
                "customer_uid": "card-1",
                "schedules": [
                    {
                        "merchant_uid": order.number,
                        "schedule_at": self._due_at(now, first_s, last_s),
                        "amount": order.amount_krw,
                        "name": "정기",
                    }
                    for order in orders
                ],
            },
        )
        assert created.code == 0, created

    @asynccontextmanager
    async def charging(self) -> AsyncIterator[None]:
        """Charge new orders until the block ends, and wait for the answers."""
        sent: set[asyncio.Task[None]] = set()
        began_at = time.monotonic()
        self._paid_at.append(began_at)
        selling = asyncio.create_task(self._sell(sent))
        try:
            yield
        finally:
            selling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await selling
            self._paid_at.append(time.monotonic())
            for task in sent:
                task.cancel()
            await asyncio.gather(*sent, return_exceptions=True)

    async def until_paid(self, count: int, *, timeout_s: float) -> bool:
        """Wait until so many more orders are answered `paid`; False if that takes too long."""
        target = len(self._paid_at) + count
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while len(self._paid_at) < target:  # noqa: ASYNC110 - any of many tasks counts
                    await asyncio.sleep(0.1)
        return len(self._paid_at) >= target

    async def send_again(self, orders: list[Order], *, rounds: int = 2) -> None:
        """Send orders again, so many times or until each has a final answer."""
        for number in range(rounds):
            left = [order for order in orders if number == 0 or not order.answer]
            if not left:
                return
            if number:
                await asyncio.sleep(2)
            for start in range(0, len(left), _TOGETHER):
                part = left[start : start + _TOGETHER]
                await asyncio.gather(*(self._charge(order) for order in part))

    @property
    def unfinished(self) -> list[Order]:
        return [order for order in self.orders if not order.answer and not order.is_scheduled]

    @property
    def answered_paid(self) -> list[Order]:
        return [order for order in self.orders if order.answer == "paid"]

    @property
    def longest_gap_s(self) -> float:
        """The longest time without a paid order while the shop was selling."""
        times = sorted(self._paid_at)
        return max((later - before for before, later in itertools.pairwise(times)))

    def half_of(self, orders: list[Order]) -> list[Order]:
        return self._random.sample(orders, len(orders) // 2)

    async def _sell(self, sent: set[asyncio.Task[None]]) -> None:
        while True:
            task = asyncio.create_task(self._charge_until_answered(self._new_order()))
            sent.add(task)
            task.add_done_callback(sent.discard)
            await asyncio.sleep(1 / self._random.uniform(_RATE_MIN, _RATE_MAX))

    async def _charge_until_answered(self, order: Order) -> None:
        for pause_s in _PAUSES_S:
            await self._charge(order)
            if order.answer:
                self._paid_at.append(time.monotonic())
                return
            await asyncio.sleep(pause_s)

    async def _charge(self, order: Order) -> None:
        body = {
            "customer_uid": "card-1",
            "merchant_uid": order.number,
            "amount": order.amount_krw,
            "name": "원두",
        }
        answer = await self._call("POST", "/subscribe/payments/again", json=body)
        if answer is None:
            return
        if answer["code"] != 0:
            self.messages[str(answer["message"])[:80]] += 1
            answer = await self._call("GET", f"/payments/find/{order.number}")
        if answer is not None and answer["code"] == 0:
            status = answer["response"]["status"]
            if status in ("paid", "failed") and order.answer != "paid":
                order.answer = status

    async def _call(self, method: str, path: str, **sent: Any) -> dict[str, Any] | None:
        """Return the envelope; None if there is no answer that decides anything."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with self.client.http.request(
                method, self.client.url + path, headers=self._headers, timeout=timeout, **sent
            ) as answered:
                self.statuses[str(answered.status)] += 1
                if answered.status >= 500:
                    return None
                envelope: dict[str, Any] = await answered.json()
                return envelope
        except (aiohttp.ClientError, OSError, TimeoutError) as lost:
            self.statuses[type(lost).__name__] += 1
            return None

    def _new_order(self, *, is_scheduled: bool = False) -> Order:
        number = f"{self._prefix}-{len(self.orders) + 1}"
        order = Order(number, next(self._amounts), is_scheduled=is_scheduled)
        self.orders.append(order)
        return order

    def _due_at(self, now: datetime, first_s: float, last_s: float) -> int:
        return int((now + timedelta(seconds=self._random.uniform(first_s, last_s))).timestamp())

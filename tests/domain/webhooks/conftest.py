"""A merchant that is told things: events are enqueued as the payments' room does it, attempts are
made as a worker makes them, and the clock is turned from one attempt to the next.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from dasi.channels import Channel
from dasi.engine import Engine
from dasi.events import (
    enqueue_event,
)
from dasi.foundation.clock import ManualClock
from dasi.merchants import Merchant
from dasi.webhooks import (
    Deliverer,
    Delivery,
    DeliveryAttempt,
    list_attempts,
    list_deliveries,
)
from support.webhook_endpoint import Post, WebhookEndpoint, receiving


@dataclass
class WebhooksFixture:
    """The merchant's side of the webhooks' room."""

    engine: Engine
    clock: ManualClock
    merchant_id: int
    channel_id: int
    numbers: dict[str, int] = field(default_factory=dict)

    async def tell(self, url: str, *imp_uids: str) -> None:
        """The next version of each payment, told to `url`."""
        for imp_uid in imp_uids:
            version = self.numbers[imp_uid] = self.numbers.get(imp_uid, 0) + 1
            async with self.engine.database.transaction() as connection:
                await enqueue_event(
                    connection,
                    self.merchant_id,
                    imp_uid=imp_uid,
                    merchant_uid=f"order of {imp_uid}",
                    channel_id=self.channel_id,
                    version=version,
                    status="paid",
                    notice_urls=(url,),
                    now=self.clock.now(),
                    more={"version": str(version)},
                )

    async def turn(
        self, deliverer: Deliverer, by: timedelta, *, step: timedelta = timedelta(minutes=10)
    ) -> int:
        """Time passes in steps, and a worker does at each what is due; how many POSTs that made."""
        attempts, end = 0, self.clock.now() + by
        while True:
            while done := await deliverer.run_due():
                attempts += done
            if self.clock.now() >= end:
                return attempts
            self.clock.advance(min(step, end - self.clock.now()))

    async def deliveries(self, state: str | None = None) -> list[Delivery]:
        return await list_deliveries(
            self.engine, self.merchant_id, state=state, resource_id=None, limit=1_000
        )

    async def attempts(self) -> list[DeliveryAttempt]:
        """Of the one delivery there is."""
        (delivery,) = await self.deliveries()
        return await list_attempts(self.engine, self.merchant_id, delivery.delivery_id)

    async def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.engine.database.fetch(sql, *values)]


def versions_by_payment(bodies: Sequence[dict[str, str]]) -> dict[str, list[int]]:
    told: dict[str, list[int]] = {}
    for body in bodies:
        told.setdefault(body["imp_uid"], []).append(int(body["version"]))
    return told


def is_accepted(secret: str, post: Post, *, body: bytes | None = None) -> bool:
    """By the published package of Standard Webhooks, which reads the machine's clock."""
    try:
        Webhook(secret).verify(post.body if body is None else body, post.headers)
    except WebhookVerificationError:
        return False
    except json.JSONDecodeError:
        return True  # a form: its signature was right, and only then it was read as JSON
    return True


@pytest.fixture
def webhooks(
    engine: Engine, clock: ManualClock, merchant: Merchant, channel: Channel
) -> WebhooksFixture:
    return WebhooksFixture(engine, clock, merchant.merchant_id, channel.channel_id)


@pytest.fixture
async def deliverer_with(engine: Engine) -> AsyncIterator[Callable[..., Deliverer]]:
    """Makes deliverers; each is closed at the end."""
    made: list[Deliverer] = []

    def make(**how: Any) -> Deliverer:
        made.append(Deliverer(engine, **{"allow_local": True, **how}))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
async def deliverer(deliverer_with: Callable[..., Deliverer]) -> Deliverer:
    return deliverer_with()


@pytest.fixture
async def endpoint() -> AsyncIterator[WebhookEndpoint]:
    async with receiving() as endpoint:
        yield endpoint

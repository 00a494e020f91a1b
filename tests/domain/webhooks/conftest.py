"""A merchant with webhooks: events are enqueued as `dasi.payments` does it, attempts are made as a
worker makes them, and the clock advances from one attempt to the next.
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
from dasi.events import enqueue_event
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
    """Events, deliveries and time of one merchant."""

    engine: Engine
    clock: ManualClock
    merchant_id: int
    channel_id: int
    versions: dict[str, int] = field(default_factory=dict)

    async def enqueue(self, url: str, *imp_uids: str) -> None:
        """Enqueue the next version of each payment for `url`."""
        for imp_uid in imp_uids:
            version = self.versions[imp_uid] = self.versions.get(imp_uid, 0) + 1
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
                    is_of_page=False,
                    now=self.clock.now(),
                    more={"version": str(version)},
                )

    async def advance(
        self, deliverer: Deliverer, by: timedelta, *, step: timedelta = timedelta(minutes=10)
    ) -> int:
        """Advance the clock in steps, deliver at each step, and return the count of POSTs."""
        attempts, end = 0, self.clock.now() + by
        while True:
            while done := await deliverer.run_due():
                attempts += done
            if self.clock.now() >= end:
                return attempts
            self.clock.advance(min(step, end - self.clock.now()))

    async def deliveries(self, state: str | None = None) -> list[Delivery]:
        page = await list_deliveries(
            self.engine, self.merchant_id, state=state, resource_id=None, limit=1_000
        )
        return [*page.rows]

    async def attempts(self) -> list[DeliveryAttempt]:
        """Return the attempts of the only delivery."""
        (delivery,) = await self.deliveries()
        return await list_attempts(self.engine, self.merchant_id, delivery.delivery_id)

    async def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.engine.database.fetch(sql, *values)]


async def polling(deliverer: Deliverer) -> None:
    """Deliver until the task is cancelled, as a worker does."""
    while True:
        await deliverer.poll()


def versions_by_payment(bodies: Sequence[dict[str, str]]) -> dict[str, list[int]]:
    versions: dict[str, list[int]] = {}
    for body in bodies:
        versions.setdefault(body["imp_uid"], []).append(int(body["version"]))
    return versions


def is_accepted(secret: str, post: Post, *, body: bytes | None = None) -> bool:
    """Verify with the published package of Standard Webhooks, which uses the system clock."""
    try:
        Webhook(secret).verify(post.body if body is None else body, post.headers)
    except WebhookVerificationError:
        return False
    except json.JSONDecodeError:
        return True  # a form: its signature was verified before the package read it as JSON
    return True


@pytest.fixture
def webhooks(
    engine: Engine, clock: ManualClock, merchant: Merchant, channel: Channel
) -> WebhooksFixture:
    return WebhooksFixture(engine, clock, merchant.merchant_id, channel.channel_id)


@pytest.fixture
async def deliverer_with(engine: Engine) -> AsyncIterator[Callable[..., Deliverer]]:
    """Returns a factory of deliverers; each is closed at the end."""
    deliverers: list[Deliverer] = []

    def make(**options: Any) -> Deliverer:
        deliverers.append(Deliverer(engine, **{"allow_local": True, **options}))
        return deliverers[-1]

    yield make
    for deliverer in deliverers:
        await deliverer.close()


@pytest.fixture
async def deliverer(deliverer_with: Callable[..., Deliverer]) -> Deliverer:
    return deliverer_with()


@pytest.fixture
async def endpoint() -> AsyncIterator[WebhookEndpoint]:
    async with receiving() as endpoint:
        yield endpoint

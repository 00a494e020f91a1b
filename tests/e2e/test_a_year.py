"""A year of subscriptions in seconds: what a shop lives through with three cards and one outage.

The shop books twelve charges for each of three customers, turns the test clock a month at a time
and believes nothing but the gateway's webhooks, each of which it checks with `GET /payments`. One
card expires, one has no funds once, and KICC is away on a day of charges. Run it with `-s` to read
the story.
"""

import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dasi.foundation.clock import KST
from dasi.schedules import set_retry_policy
from support.gateway_merchant import MerchantClient, running_gateway
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import Post, WebhookEndpoint, receiving

MONTHS = 12
PRICES = {"minji": 9_900, "jun": 12_900, "sora": 19_900}
NO_FUNDS_IN, OUTAGE_IN, EXPIRES_IN = 3, 6, 8
"""Months, counted from 1."""
HOUR = timedelta(hours=1)


@dataclass
class Subscriptions:
    """The shop: what it scheduled, what it was told, and the story of it."""

    client: MerchantClient
    story: list[str] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    """(order, status, imp_uid) of every webhook, in the order they came."""

    def tell(self, at: datetime, what: str) -> None:
        self.story.append(f"{at.astimezone(KST):%Y-%m-%d %H:%M}  {what}")

    async def book_a_year(self, first_days: list[datetime]) -> None:
        """Minji is charged at ten, Jun at eleven, Sora at noon."""
        for hours, (customer, price) in enumerate(PRICES.items()):
            await self.client.register_card(customer, name=f"{customer}'s card")
            items = [
                {
                    "merchant_uid": f"{customer}-{month:02d}",
                    "schedule_at": int((day + hours * HOUR).timestamp()),
                    "amount": price,
                    "name": f"{customer}, month {month}",
                }
                for month, day in enumerate(first_days, start=1)
            ]
            body = {"customer_uid": customer, "schedules": items}
            schedule = await self.client.call("POST", "/subscribe/payments/schedule", json=body)
            assert len(schedule.response) == MONTHS

    async def turn_to(self, moment: datetime) -> None:
        answer = await self.client.call("POST", "/test/clock", json={"to": int(moment.timestamp())})
        assert answer.code == 0, answer

    async def take(self, post: Post) -> int:
        """A webhook: the shop reads the payment itself, as the guides say."""
        said = post.values
        payment = (await self.client.get(f"/payments/{said['imp_uid']}")).response
        if payment["customer_uid"] is None or "month" not in str(payment["name"]):
            return 200  # a card was registered
        assert payment["status"] == said["status"], "what is told is what is read"
        self.told.append((said["merchant_uid"], said["status"], said["imp_uid"]))
        now = datetime.fromtimestamp((await self.client.get("/test/clock")).response["now"], UTC)
        why = f": {payment['fail_reason']}" if said["status"] == "failed" else ""
        amount = f"{payment['amount']:>7,} won"
        self.tell(now, f"{said['merchant_uid']:9} {amount}  {said['status']}{why}")
        return 200

    async def refuse(self, customer: str, code: str, *, times: int) -> None:
        """From now on the issuer says no to the card this customer has now."""
        keys = (await self.client.kicc.state(mall=self.client.channel.pg_merchant_id))["keys"]
        newest = list(PRICES).index(customer)
        match = {"batchKey": keys[newest]["batchKey"]}
        await self.client.kicc.scenario("refused", "batch", match=match, code=code, times=times)

    async def schedule(self, customer: str, month: int) -> dict[str, Any]:
        path = f"/subscribe/payments/schedule/{customer}-{month:02d}"
        schedule: dict[str, Any] = (await self.client.get(path)).response
        return schedule


@pytest.fixture
async def subscriptions(
    database_url: str, kicc: SimulatorControl
) -> AsyncIterator[tuple[Subscriptions, WebhookEndpoint]]:
    async with (
        receiving() as endpoint,
        running_gateway(database_url, kicc, webhook_url=f"{endpoint.url}/hooks") as client,
    ):
        subscriptions = Subscriptions(client)
        endpoint.answer = subscriptions.take
        yield subscriptions, endpoint


def months_ahead(now: datetime) -> list[datetime]:
    """The fifth of each of the next twelve months, ten o'clock in Korea."""
    day = now.astimezone(KST).replace(day=5, hour=10, minute=0, second=0, microsecond=0)
    days = []
    for _ in range(MONTHS):
        day = (day.replace(day=28) + timedelta(days=7)).replace(day=5)
        days.append(day)
    return days


async def test_a_year_of_twelve_monthly_charges(
    subscriptions: tuple[Subscriptions, WebhookEndpoint],
) -> None:
    year, _endpoint = subscriptions
    client, began = year.client, time.monotonic()
    await set_retry_policy(client.engine, client.merchant.merchant_id, (3,))
    days = months_ahead(client.engine.clock.now())
    await year.book_a_year(days)
    year.tell(client.engine.clock.now(), "36 charges are scheduled, twelve for each of three cards")

    for month, day in enumerate(days, start=1):
        if month == NO_FUNDS_IN:
            await year.refuse("sora", "8035", times=1)
        if month == EXPIRES_IN:
            await year.refuse("jun", "8316", times=0)
        if month == OUTAGE_IN:
            await an_outage_of_five_hours(year, day)
        await year.turn_to(day + 6 * HOUR)
        if month == EXPIRES_IN:
            await a_new_card(year, "jun", day + 6 * HOUR)
    await year.turn_to(days[-1] + 7 * 24 * HOUR)

    took_s = time.monotonic() - began
    year.story.append(f"A year in {took_s:.1f} s: {len(year.told)} webhooks.")
    sys.stdout.write("\n".join(["", *year.story, ""]))
    await assert_all_paid_once(year)
    assert outcomes(year)["sora-03"] == ["failed", "paid"], "tried again three days later"
    assert outcomes(year)["jun-08"] == ["failed", "paid"], "with the new card"
    failures = [order for order, status, _imp_uid in year.told if status == "failed"]
    assert failures == ["sora-03", "jun-08"], "the outage failed nothing"
    assert took_s < 60, "under 20 s on a machine that does nothing else"


async def an_outage_of_five_hours(year: Subscriptions, day: datetime) -> None:
    """KICC answers nobody from nine to two; every charge of the day comes due meanwhile."""
    before = len(year.told)
    await year.turn_to(day - HOUR)
    await year.client.kicc.scenario("unavailable", "*", times=0)
    year.tell(day - HOUR, "KICC is away")
    await year.turn_to(day + 4 * HOUR)
    assert len(year.told) == before, "nothing is told: nothing failed, nothing was paid"
    await year.client.kicc.control("DELETE", "/scenarios")
    year.tell(day + 4 * HOUR, "KICC is back; nothing has failed meanwhile")
    await year.turn_to(day + 5 * HOUR)
    came_back = [order for order, _status, _imp_uid in year.told[before:]]
    assert sorted(came_back) == sorted(f"{customer}-{OUTAGE_IN:02d}" for customer in PRICES)


async def a_new_card(year: Subscriptions, customer: str, at: datetime) -> None:
    """The payer registers another card under the same name, and the declined month is charged."""
    await year.client.register_card(customer, name="a new card")
    year.tell(at, f"{customer} registers a new card; the shop asks for the declined month again")
    path = f"/subscribe/payments/schedule/{customer}-{EXPIRES_IN:02d}/retry"
    again = await year.client.call("POST", path)
    assert (again.code, again.response["status"]) == (0, "paid"), again
    await year.turn_to(at + HOUR)


def outcomes(year: Subscriptions) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for order, status, _imp_uid in year.told:
        told.setdefault(order, []).append(status)
    return told


async def assert_all_paid_once(year: Subscriptions) -> None:
    """By the PG's books, by ours, and by what the shop was told."""
    approvals = await year.client.approvals()
    assert Counter(one["amount"] for one in approvals) == Counter(
        dict.fromkeys(PRICES.values(), MONTHS)
    )
    assert await year.client.net_krw() == MONTHS * sum(PRICES.values())
    for customer in PRICES:
        for month in range(1, MONTHS + 1):
            schedule = await year.schedule(customer, month)
            assert (schedule["schedule_status"], schedule["payment_status"]) == ("executed", "paid")
    paid = Counter(order for order, status, _imp_uid in year.told if status == "paid")
    assert set(paid.values()) == {1}
    assert len(paid) == MONTHS * len(PRICES)

"""A year of subscriptions in seconds: a merchant with three customers and one outage.

The merchant schedules twelve charges for each customer and advances the test clock month by month.
It trusts only the gateway's webhooks and checks each with `GET /payments`. One card expires, one
has no funds once, and KICC is away on a day of charges. Run it with `-s` to read the log.
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
    """The merchant: its gateway client, the webhooks it received, and a log of the year."""

    client: MerchantClient
    log: list[str] = field(default_factory=list)
    webhooks: list[tuple[str, str, str]] = field(default_factory=list)
    """(order, status, imp_uid) of every webhook, in the order of arrival."""

    def log_at(self, at: datetime, text: str) -> None:
        self.log.append(f"{at.astimezone(KST):%Y-%m-%d %H:%M}  {text}")

    async def schedule_a_year(self, first_days: list[datetime]) -> None:
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

    async def advance_to(self, moment: datetime) -> None:
        answer = await self.client.call("POST", "/test/clock", json={"to": int(moment.timestamp())})
        assert answer.code == 0, answer

    async def receive(self, post: Post) -> int:
        """Receive a webhook and read the payment itself, as the guides say."""
        params = post.values
        payment = (await self.client.get(f"/payments/{params['imp_uid']}")).response
        if payment["customer_uid"] is None or "month" not in str(payment["name"]):
            return 200  # a card was registered
        assert payment["status"] == params["status"], "the webhook and the payment agree"
        self.webhooks.append((params["merchant_uid"], params["status"], params["imp_uid"]))
        now = datetime.fromtimestamp((await self.client.get("/test/clock")).response["now"], UTC)
        reason = f": {payment['fail_reason']}" if params["status"] == "failed" else ""
        amount = f"{payment['amount']:>7,} won"
        self.log_at(now, f"{params['merchant_uid']:9} {amount}  {params['status']}{reason}")
        return 200

    async def refuse(self, customer: str, code: str, *, times: int) -> None:
        """Let the issuer decline the customer's present card."""
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
        endpoint.answer = subscriptions.receive
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
    await year.schedule_a_year(days)
    year.log_at(
        client.engine.clock.now(), "36 charges are scheduled, twelve for each of three cards"
    )

    for month, day in enumerate(days, start=1):
        if month == NO_FUNDS_IN:
            await year.refuse("sora", "8035", times=1)
        if month == EXPIRES_IN:
            await year.refuse("jun", "8316", times=0)
        if month == OUTAGE_IN:
            await an_outage_of_five_hours(year, day)
        await year.advance_to(day + 6 * HOUR)
        if month == EXPIRES_IN:
            await a_new_card(year, "jun", day + 6 * HOUR)
    await year.advance_to(days[-1] + 7 * 24 * HOUR)

    took_s = time.monotonic() - began
    year.log.append(f"A year in {took_s:.1f} s: {len(year.webhooks)} webhooks.")
    sys.stdout.write("\n".join(["", *year.log, ""]))
    await assert_all_paid_once(year)
    assert outcomes(year)["sora-03"] == ["failed", "paid"], "tried again three days later"
    assert outcomes(year)["jun-08"] == ["failed", "paid"], "with the new card"
    failures = [order for order, status, _imp_uid in year.webhooks if status == "failed"]
    assert failures == ["sora-03", "jun-08"], "the outage failed nothing"
    assert took_s < 60, "under 20 s on a machine that does nothing else"


async def an_outage_of_five_hours(year: Subscriptions, day: datetime) -> None:
    """Let KICC be away from nine to two, while every charge of the day becomes due."""
    before = len(year.webhooks)
    await year.advance_to(day - HOUR)
    await year.client.kicc.scenario("unavailable", "*", times=0)
    year.log_at(day - HOUR, "KICC is away")
    await year.advance_to(day + 4 * HOUR)
    assert len(year.webhooks) == before, "no webhook: nothing failed, nothing was paid"
    await year.client.kicc.control("DELETE", "/scenarios")
    year.log_at(day + 4 * HOUR, "KICC is back; nothing has failed meanwhile")
    await year.advance_to(day + 5 * HOUR)
    came_back = [order for order, _status, _imp_uid in year.webhooks[before:]]
    assert sorted(came_back) == sorted(f"{customer}-{OUTAGE_IN:02d}" for customer in PRICES)


async def a_new_card(year: Subscriptions, customer: str, at: datetime) -> None:
    """The payer registers another card under the same name, and the declined month is charged."""
    await year.client.register_card(customer, name="a new card")
    year.log_at(at, f"{customer} registers a new card; the shop asks for the declined month again")
    path = f"/subscribe/payments/schedule/{customer}-{EXPIRES_IN:02d}/retry"
    again = await year.client.call("POST", path)
    assert (again.code, again.response["status"]) == (0, "paid"), again
    await year.advance_to(at + HOUR)


def outcomes(year: Subscriptions) -> dict[str, list[str]]:
    statuses: dict[str, list[str]] = {}
    for order, status, _imp_uid in year.webhooks:
        statuses.setdefault(order, []).append(status)
    return statuses


async def assert_all_paid_once(year: Subscriptions) -> None:
    """Compare the PG's approvals, our payments and the merchant's webhooks."""
    approvals = await year.client.approvals()
    assert Counter(approval["amount"] for approval in approvals) == Counter(
        dict.fromkeys(PRICES.values(), MONTHS)
    )
    assert await year.client.net_krw() == MONTHS * sum(PRICES.values())
    for customer in PRICES:
        for month in range(1, MONTHS + 1):
            schedule = await year.schedule(customer, month)
            assert (schedule["schedule_status"], schedule["payment_status"]) == ("executed", "paid")
    paid = Counter(order for order, status, _imp_uid in year.webhooks if status == "paid")
    assert set(paid.values()) == {1}
    assert len(paid) == MONTHS * len(PRICES)

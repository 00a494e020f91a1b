"""`dasi schedules`, `clock`, `events` and `webhooks` as an operator uses them, on the database of a
running gateway."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dasi.foundation.clock import KST
from support.dasi_program import dasi, facts
from support.gateway_merchant import CODE, MerchantClient, environment, running_gateway
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import WebhookEndpoint, receiving


@dataclass
class Operator:
    """Types commands beside a running gateway."""

    client: MerchantClient
    endpoint: WebhookEndpoint
    env: dict[str, str]
    cwd: Path

    async def reads(self, *command: str) -> Any:
        return await asyncio.to_thread(facts, *command, env=self.env, cwd=self.cwd)

    async def types(self, *command: str) -> str:
        done = await asyncio.to_thread(dasi, *command, env=self.env, cwd=self.cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def create_schedules(self, *orders: str, at: datetime, amount_krw: int = 9_900) -> None:
        items = [
            {"merchant_uid": order, "schedule_at": int(at.timestamp()), "amount": amount_krw}
            for order in orders
        ]
        body = {"customer_uid": "card-1", "schedules": items}
        answer = await self.client.call("POST", "/subscribe/payments/schedule", json=body)
        assert answer.code == 0, answer


@pytest.fixture
async def operator(
    database_url: str, kicc: SimulatorControl, tmp_path: Path
) -> AsyncIterator[Operator]:
    async with (
        receiving() as endpoint,
        running_gateway(database_url, kicc, webhook_url=f"{endpoint.url}/hooks") as client,
    ):
        await client.register_card("card-1")
        env = environment(database_url, kicc_url=kicc.base_url, public_url=client.url)
        yield Operator(client, endpoint, env, tmp_path)


WHOSE = ("--merchant", CODE)


def in_days(days: int) -> datetime:
    return datetime.now(KST).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(
        days=days
    )


async def test_day_is_previewed_stopped_and_let_go_on(operator: Operator):
    at = in_days(10)
    await operator.create_schedules("a", "b", at=at)
    preview = ("schedules", "--on", str(at.date()))
    (row,) = await operator.reads(*preview, *WHOSE)
    assert (row["merchant"], row["charges"], row["amount_krw"]) == (CODE, 2, 19_800)

    await operator.types("schedules", "pause", *WHOSE, "--reason", "a wrong price", "--yes")
    assert f"{at.date()}: 2 charges, 19,800 won (paused)" in await operator.types(*preview)
    assert (await operator.reads("clock", "advance", *WHOSE, "--by", "11d"))["charges"] == 0
    resumed = await operator.reads("schedules", "resume", *WHOSE, "--yes")
    assert resumed["was_paused"] is True
    assert (await operator.reads("clock", "advance", *WHOSE, "--by", "1m"))["charges"] == 2
    assert await operator.reads(*preview, *WHOSE) == []


async def test_clock_is_shown_advanced_and_reset(operator: Operator):
    shown = (await operator.reads("clock", "show", *WHOSE))["now"]
    advanced = await operator.reads("clock", "advance", *WHOSE, "--by", "31d")
    assert advanced["now"] != shown
    await operator.types("clock", "reset", *WHOSE)
    now = (await operator.client.get("/test/clock")).response["now"]
    assert abs(now - datetime.now(KST).timestamp()) < 60


async def test_plan_of_retries_is_set_and_switched_off(operator: Operator):
    plan = ("schedules", "retry-policy", *WHOSE, "--days")
    await operator.types(*plan, "1,3")
    (row,) = await operator.client.rows("SELECT retry_days FROM merchants")
    assert row["retry_days"] == [1, 3]
    await operator.types(*plan, "off")
    (row,) = await operator.client.rows("SELECT retry_days FROM merchants")
    assert row["retry_days"] == []
    bad = await asyncio.to_thread(dasi, *plan, "3,1", env=operator.env, cwd=operator.cwd)
    assert bad.returncode == 1
    assert "growing numbers" in bad.stderr


async def test_event_is_found_in_the_feed_and_the_log_and_sent_again(operator: Operator):
    await operator.reads(
        "clock", "advance", *WHOSE, "--by", "1m"
    )  # the card's own webhook goes out
    (event,) = await operator.reads("events", *WHOSE)
    assert event["type"] == "payment.paid"
    (listed,) = await operator.reads("webhooks", "list", *WHOSE, "--state", "delivered")
    attempts = ("webhooks", "attempts", *WHOSE, "--delivery", listed["delivery"])
    (tried,) = await operator.reads(*attempts)
    assert tried["answer"].startswith("HTTP 200")
    assert tried["request"].encode() == operator.endpoint.posts[0].body

    again = await operator.reads("webhooks", "resend", *WHOSE, "--event", listed["event"])
    assert again["deliveries_pending"] == 1
    await operator.reads("clock", "advance", *WHOSE, "--by", "1m")
    assert len(await operator.reads(*attempts)) == len(operator.endpoint.posts) == 2
    replay = ("webhooks", "replay", *WHOSE, "--since", f"{in_days(-1):%Y-%m-%dT%H:%M}")
    assert (await operator.reads(*replay))["deliveries_pending"] == 0, "nothing had failed"
    assert (await operator.reads(*replay, "--delivered-too"))["deliveries_pending"] == 1


async def test_secret_is_shown_and_rotated_with_overlap(operator: Operator):
    show = ("webhooks", "secret", *WHOSE)
    (first,) = await operator.reads(*show)
    new, old = await operator.reads(*show, "--rotate", "--keep-old-for", "24h", "--yes")
    assert first["secret"].startswith("whsec_")
    assert (old["secret"], new["secret"] == old["secret"]) == (first["secret"], False)
    assert new["signs_until"] is None
    assert old["signs_until"]

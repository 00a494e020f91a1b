"""A merchant with a registered card and its schedules."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from dasi.ledger import ChargeDetails, Payment, find_payment
from dasi.scheduler import Runner
from dasi.scheduler.run_store import DueSchedule, claim_due_any_merchant
from dasi.scheduler.runner import LEASE
from dasi.schedules import NewSchedule, Schedule, create_schedules, find_schedule
from support.gateway_merchant import MerchantClient

CARD = "card-1"


@dataclass
class Schedules:
    """The shop's scheduled payments; `moved` makes them due by changing when, not by waiting."""

    client: MerchantClient
    runner: Runner
    numbers: list[int] = field(default_factory=list)

    @property
    def engine(self) -> Any:
        return self.client.engine

    @property
    def merchant_id(self) -> int:
        return self.client.merchant.merchant_id

    def now(self) -> datetime:
        return self.client.engine.clock.now()

    def request(self, *, in_s: float = 3600, amount_krw: int = 9_900, **fields: Any) -> NewSchedule:
        self.numbers.append(1)
        return NewSchedule(
            schedule_at=fields.pop("schedule_at", self.now() + timedelta(seconds=in_s)),
            details=ChargeDetails(
                merchant_uid=fields.pop("merchant_uid", f"sub-{len(self.numbers)}"),
                amount_krw=amount_krw,
                **fields,
            ),
        )

    async def create(self, *requests: NewSchedule, **fields: Any) -> list[Schedule]:
        return await create_schedules(
            self.engine,
            self.merchant_id,
            customer_uid=fields.pop("customer_uid", CARD),
            customer_id=None,
            requests=requests,
            checking_amount_krw=fields.pop("checking_amount_krw", 0),
            include_sandbox=fields.pop("include_sandbox", None),
        )

    async def all_become_due(self) -> None:
        """Their time has come: an hour and a bit passes for what is scheduled."""
        await self.engine.database.fetch(
            "UPDATE schedules SET due_at = due_at - interval '2 hours' WHERE merchant_id = $1",
            self.merchant_id,
        )

    async def run_all(self) -> int:
        """Until nothing is due."""
        total = 0
        while begun := await self.runner.run_due():
            total += begun
        return total

    async def leases_run_out(self) -> None:
        """The leases of all running schedules expire."""
        await self.engine.database.fetch(
            "UPDATE schedules SET leased_until = now() - interval '1 s' WHERE merchant_id = $1",
            self.merchant_id,
        )

    async def claim_one(self) -> DueSchedule:
        """What a worker that dies right then has done with the one that is due."""
        now = self.now()
        (due,) = await claim_due_any_merchant(
            self.engine.database,
            now=now,
            leased_until=now + LEASE,
            batch=1,
            excluded=[],
            only_merchant_id=self.merchant_id,
        )
        return due

    async def unresolved_grow_old(self) -> None:
        """An hour: what the PG does not know by now never reached it."""
        await self.engine.database.fetch(
            "UPDATE pg_attempts SET sent_at = sent_at - interval '1 hour',"
            " next_lookup_at = now() - interval '1 s' WHERE merchant_id = $1 AND kind = 'charge'",
            self.merchant_id,
        )

    async def read(self, merchant_uid: str) -> Schedule:
        return await find_schedule(self.engine, self.merchant_id, merchant_uid)

    async def payment_of(self, merchant_uid: str) -> Payment:
        imp_uid = (await self.read(merchant_uid)).imp_uid
        assert imp_uid is not None
        return await find_payment(self.engine, self.merchant_id, imp_uid)

    async def webhooks(self) -> list[tuple[str, str]]:
        """(kind, order or resource) of every webhook event, oldest first."""
        rows = await self.client.rows(
            "SELECT kind, coalesce(body->>'merchant_uid', resource_id) AS resource"
            " FROM webhook_events ORDER BY position"
        )
        return [(row["kind"], row["resource"]) for row in rows]


@pytest.fixture
async def schedules(gateway: MerchantClient) -> AsyncIterator[Schedules]:
    await gateway.register_card(CARD, buyer_name="홍길동", buyer_tel="010-1234-5678")
    runner = Runner(gateway.engine, per_merchant=16)
    yield Schedules(gateway, runner)
    await runner.close()

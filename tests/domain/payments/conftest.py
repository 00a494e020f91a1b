"""A merchant with a channel and one stored card, the simulator's state and our rows."""

from dataclasses import dataclass
from typing import Any

import pytest

from dasi.channels import Channel
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.ledger import ChargeDetails, Payment
from dasi.merchants import Merchant
from dasi.payments import ChargeRequest, charge
from support.gateway_merchant import new_order
from support.simulator_process import SimulatorControl
from support.window_payer import PayerReturn, register_card, walk_through_window


@dataclass
class PaymentsFixture:
    engine: Engine
    merchant: Merchant
    kicc: SimulatorControl
    clock: ManualClock

    async def charge(self, **fields: Any) -> Payment:
        """9,900 won of the stored card, for a new order by default."""
        charge_request = ChargeRequest(
            is_sandbox=None,
            customer_uid=fields.pop("customer_uid", "card-1"),
            is_scheduled=fields.pop("is_scheduled", False),
            details=ChargeDetails(**{"merchant_uid": new_order(), "amount_krw": 9_900, **fields}),
        )
        return await charge(self.engine, self.merchant.merchant_id, charge_request)

    async def window(self, **request: Any) -> PayerReturn:
        """A payer who has approved 19,900 won in the PG's window and has not come back yet."""
        return await walk_through_window(self.engine, self.merchant, self.kicc, **request)

    async def approvals(self) -> list[dict[str, Any]]:
        """The PG's approvals of money."""
        state = await self.kicc.state()
        return [paid for paid in state["transactions"] if paid["kind"] != "key"]

    async def requests_at_pg(self) -> dict[str, int]:
        """The number of requests that reached the PG, by kind."""
        counted: dict[str, int] = (await self.kicc.state())["requests"]
        received = ".received"
        return {
            name.removesuffix(received): number
            for name, number in counted.items()
            if name.endswith(received)
        }

    async def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.engine.database.fetch(sql, *values)]

    async def events(self, payment: Payment) -> list[tuple[str, str]]:
        """(event type, status after it), in order."""
        rows = await self.rows(
            "SELECT type, status FROM payment_events WHERE imp_uid = $1 ORDER BY seq",
            payment.imp_uid,
        )
        return [(row["type"], row["status"]) for row in rows]

    async def webhooks(self, payment: Payment) -> list[str]:
        """The kinds of the webhook events, in order."""
        rows = await self.rows(
            "SELECT kind FROM webhook_events WHERE resource_id = $1 ORDER BY version",
            payment.imp_uid,
        )
        return [row["kind"] for row in rows]


@pytest.fixture
async def payments(
    engine: Engine,
    merchant: Merchant,
    channel: Channel,
    kicc: SimulatorControl,
    clock: ManualClock,
) -> PaymentsFixture:
    await register_card(engine, merchant, kicc, "card-1")
    return PaymentsFixture(engine, merchant, kicc, clock)

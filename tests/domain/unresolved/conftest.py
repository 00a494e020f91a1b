"""Domain packages with a KICC simulator and one clock for both, which a test advances."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any, Literal

import pytest

from dasi.billing_keys import Customer, save_issued_key
from dasi.cancels import CancelRequest, cancel
from dasi.channels import Channel, add_channel
from dasi.engine import Engine
from dasi.foundation.db import Database
from dasi.foundation.vault import Vault
from dasi.ledger import ChargeDetails, Payment, find_payment
from dasi.merchants import Merchant, add_merchant
from dasi.outcomes import resolve_due
from dasi.payments import ChargeRequest, charge
from dasi.providers.port import KeyIssued
from support.kicc_merchant import ACCOUNT, KiccMerchant, open_kicc_merchant

CUSTOMER = "customer-1"


@dataclass
class PaymentsFixture:
    """The operations of a test at the gateway, and its views of the rows and the PG."""

    engine: Engine
    kicc_merchant: KiccMerchant
    merchant: Merchant
    channel: Channel
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def register(self, customer_uid: str = CUSTOMER) -> str:
        """A billing key, issued in KICC's window and kept."""
        issued = await self.kicc_merchant.register()
        assert isinstance(issued, KeyIssued), issued
        async with self.engine.database.transaction() as connection:
            return await save_issued_key(
                self.engine,
                connection,
                self.merchant.merchant_id,
                customer_uid=customer_uid,
                channel_id=self.channel.channel_id,
                issued=issued,
                order_name="월간 구독",
                customer=Customer(name="홍길동"),
                now=self.engine.clock.now(),
            )

    def request(
        self,
        amount_krw: int = 9_900,
        *,
        merchant_uid: str | None = None,
        customer_uid: str = CUSTOMER,
        is_scheduled: bool = False,
        **details: Any,
    ) -> ChargeRequest:
        order = merchant_uid or f"order-{next(self.numbers)}"
        return ChargeRequest(
            is_sandbox=None,
            customer_uid=customer_uid,
            details=ChargeDetails(merchant_uid=order, amount_krw=amount_krw, **details),
            is_scheduled=is_scheduled,
        )

    async def charge(self, amount_krw: int = 9_900, **more: Any) -> Payment:
        return await charge(
            self.engine, self.merchant.merchant_id, self.request(amount_krw, **more)
        )

    async def cancel(self, payment: Payment, amount_krw: int | None = None, **more: Any) -> Payment:
        request = CancelRequest(
            imp_uid=payment.imp_uid, merchant_uid=None, amount_krw=amount_krw, **more
        )
        return await cancel(self.engine, self.merchant.merchant_id, request)

    async def turn(self, seconds: float) -> None:
        await self.kicc_merchant.turn(timedelta(seconds=seconds))

    async def resolve_for(self, seconds: float, *, step_s: float = 60) -> None:
        """Advance the clock in steps and run the due lookups after each."""
        passed = 0.0
        while passed < seconds:
            await self.turn(step_s)
            passed += step_s
            await resolve_due(self.engine)

    async def now(self, payment: Payment) -> Payment:
        return await find_payment(self.engine, self.merchant.merchant_id, payment.imp_uid)

    async def events(self, payment: Payment) -> list[str]:
        rows = await self.engine.database.fetch(
            "SELECT type FROM payment_events WHERE imp_uid = $1 ORDER BY seq", payment.imp_uid
        )
        return [row["type"] for row in rows]

    async def webhooks(self, payment: Payment) -> list[str]:
        rows = await self.engine.database.fetch(
            "SELECT kind FROM webhook_events WHERE resource_id = $1 ORDER BY position",
            payment.imp_uid,
        )
        return [row["kind"] for row in rows]

    async def net_at_pg(self) -> int:
        """The sum that KICC holds for this merchant, over all orders."""
        return sum(order["net"] for order in (await self.kicc_merchant.kicc.state())["orders"])

    async def approvals_at_pg(self) -> int:
        return sum(
            order["approvals"] for order in (await self.kicc_merchant.kicc.state())["orders"]
        )

    def with_policy(self, policy: Literal["keep", "cancel"]) -> str:
        return f"UPDATE channels SET late_approval_policy = '{policy}'"


@pytest.fixture
async def payments(database: Database) -> AsyncIterator[PaymentsFixture]:
    async with open_kicc_merchant(total_timeout_s=1.5) as kicc_merchant:
        engine = Engine(
            database=database,
            clock=kicc_merchant.clock,
            vault=Vault([bytes(32)]),
            providers={"kicc": kicc_merchant.provider},
            public_url="https://pay.example.kr",
            window_ttl_s=1800,
        )
        merchant = await add_merchant(
            engine, code="imp00000001", name="다시 커피", webhook_url="https://shop.example/hook"
        )
        channel = await add_channel(
            engine,
            merchant,
            provider="kicc",
            pg_merchant_id=ACCOUNT.pg_merchant_id,
            secret=ACCOUNT.secret,
            is_sandbox=True,
            is_default=True,
        )
        made = PaymentsFixture(engine, kicc_merchant, merchant, channel)
        await made.register()
        yield made


@pytest.fixture
async def payments_with_inline_lookup(payments: PaymentsFixture) -> PaymentsFixture:
    """The same with a gateway that looks up once before it answers."""
    return replace(payments, engine=replace(payments.engine, inline_lookup_delay_s=0.01))

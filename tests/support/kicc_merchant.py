"""A merchant with nothing but the adapter and a simulator.

It names its attempts and keeps no other state. The gateway, not this class, resolves outcomes.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from dasi.foundation.clock import KST, ManualClock, kst_day
from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Cancel,
    Cancelled,
    Declined,
    Found,
    KeyIssued,
    NotFound,
    NotSent,
    Order,
    PgAccount,
    Unknown,
    WindowOpened,
    WindowRequest,
    WindowReturn,
)
from support.simulator_process import SimulatorProcess

OPENING_HOUR = datetime(2026, 9, 3, 10, 0, tzinfo=KST)
ACCOUNT = PgAccount(pg_merchant_id="T0021766", secret="easypay!KICCTEST", is_sandbox=True)
OTHER_ACCOUNT = PgAccount(pg_merchant_id="T5102001", secret="easypay!KICCTEST", is_sandbox=True)


@dataclass
class KiccMerchant:
    """Acts of a shop, each with a name of its own; `clock` and KICC's clock turn together."""

    kicc: SimulatorProcess
    provider: KiccProvider
    clock: ManualClock
    names: Iterator[int] = field(default_factory=lambda: count(1))

    def attempt(self) -> Attempt:
        return Attempt(
            attempt_id=f"at-{next(self.names):026d}", business_date=kst_day(self.clock.now())
        )

    def order(self, amount_krw: int = 9_900) -> Order:
        return Order(
            pg_order_id=f"ORDER-{next(self.names)}",
            amount_krw=amount_krw,
            goods_name="월간 구독 <9월> & 원두 ♥",
            buyer_id="u-1029",
            buyer_name="홍길동",
            buyer_email="hong@example.kr",
            buyer_tel="+82 10-1234-5678",
        )

    async def turn(self, by: timedelta) -> None:
        self.clock.advance(by)
        await self.kicc.set_clock(self.clock.now().astimezone(KST).isoformat())

    async def window(
        self,
        order: Order,
        *,
        is_key_window: bool = False,
        choice: str = "approve",
        account: PgAccount = ACCOUNT,
    ) -> WindowReturn:
        opened = await self.provider.open_window(
            account,
            WindowRequest(
                order=order,
                is_key_window=is_key_window,
                device="pc",
                return_url="https://pay.example.kr/checkout/imp1/windows/t0k3n/return",
                app_scheme="myshop://",
                quotas_offered=None if is_key_window else (0, 2, 3),
                cards_offered=("shinhan", "hana", "bc"),
            ),
        )
        assert isinstance(opened, WindowOpened), opened
        _, fields = await self.kicc.window(opened.url, choice)
        return self.provider.read_return(fields)

    async def pay(
        self, order: Order, *, account: PgAccount = ACCOUNT, attempt: Attempt | None = None
    ) -> Approved | Declined | Unknown | NotSent:
        returned = await self.window(order, account=account)
        return await self.provider.approve(
            account,
            attempt or self.attempt(),
            session_id=returned.session_id,
            pg_order_id=order.pg_order_id,
            amount_krw=order.amount_krw,
        )

    async def paid(self, amount_krw: int) -> Approved:
        outcome = await self.pay(self.order(amount_krw))
        assert isinstance(outcome, Approved), outcome
        return outcome

    async def register(
        self, *, account: PgAccount = ACCOUNT, attempt: Attempt | None = None
    ) -> KeyIssued | Declined | Unknown | NotSent:
        order = self.order(0)
        returned = await self.window(order, is_key_window=True, account=account)
        return await self.provider.issue_key(
            account,
            attempt or self.attempt(),
            session_id=returned.session_id,
            pg_order_id=order.pg_order_id,
        )

    async def key(self) -> str:
        outcome = await self.register()
        assert isinstance(outcome, KeyIssued), outcome
        return outcome.billing_key

    async def charge(
        self,
        billing_key: str,
        order: Order,
        *,
        attempt: Attempt | None = None,
        account: PgAccount = ACCOUNT,
    ) -> Approved | Declined | Unknown | NotSent:
        return await self.provider.charge(
            account, attempt or self.attempt(), order=order, billing_key=billing_key
        )

    async def cancel(
        self,
        approved: Approved,
        amount_krw: int,
        *,
        remain_krw: int | None = None,
        attempt: Attempt | None = None,
    ) -> Cancelled | Declined | Unknown | NotSent:
        """Of the whole amount unless `remain_krw` says that less is left."""
        cancel_request = Cancel(
            pg_tid=approved.pg_tid,
            amount_krw=amount_krw,
            remain_krw=approved.amount_krw if remain_krw is None else remain_krw,
            paid_krw=approved.amount_krw,
            reason="고객 변심 <환불>",
        )
        return await self.provider.cancel(ACCOUNT, attempt or self.attempt(), cancel=cancel_request)

    async def look_up(
        self, attempt: Attempt, order: Order, kind: AttemptKind = AttemptKind.CHARGE
    ) -> Found | NotFound | Unknown | NotSent:
        return await self.provider.look_up(
            ACCOUNT,
            attempt,
            kind=kind,
            pg_order_id=order.pg_order_id,
            amount_krw=order.amount_krw,
        )

    async def books(self, order: Order) -> dict[str, int]:
        """What KICC holds of an order: approvals, live, approved, cancelled, net."""
        orders = (await self.kicc.state(order=order.pg_order_id))["orders"]
        nothing = {"approvals": 0, "live": 0, "approved": 0, "cancelled": 0, "net": 0}
        return {name: orders[0][name] for name in nothing} if orders else nothing

    async def transaction(self, pg_tid: str) -> dict[str, Any]:
        transactions = (await self.kicc.state())["transactions"]
        return next(one for one in transactions if one["pgCno"] == pg_tid)


@asynccontextmanager
async def open_kicc_merchant(
    *, total_timeout_s: float = 30, **switches: Any
) -> AsyncIterator[KiccMerchant]:
    """A simulator, a provider that talks to it, both clocks at ten in the morning in Korea."""
    clock = ManualClock(OPENING_HOUR)
    async with SimulatorProcess() as kicc:
        await kicc.set_clock(OPENING_HOUR.isoformat())
        if switches:
            await kicc.settings(**switches)
        provider = KiccProvider(
            sandbox_url=kicc.base_url,
            live_url="https://live.invalid",
            clock=clock,
            connections_max=8,
            total_timeout_s=total_timeout_s,
        )
        try:
            yield KiccMerchant(kicc, provider, clock)
        finally:
            await provider.close()

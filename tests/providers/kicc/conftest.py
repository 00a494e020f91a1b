"""Fixtures of the adapter's tests: account, attempt, order, providers, and merchants."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import settings

from dasi.foundation.clock import ManualClock, kst_day
from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import Approved, Attempt, Declined, NotSent, Order, PgAccount, Unknown
from support.fake_kicc import BILLING_KEY, SECRET
from support.kicc_merchant import KiccMerchant, open_kicc_merchant

# A busy machine must not fail a test of texts.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

Make = Callable[..., KiccProvider]

STRANGE: dict[str, Any] = {
    "shape": "mixed",
    "amounts": "string",
    "extra_fields": True,
    "random_codes": True,
    "key_in_query": True,
}


@pytest.fixture(params=[{}, STRANGE], ids=["plain", "strange"])
async def kicc_merchant(request: pytest.FixtureRequest) -> AsyncIterator[KiccMerchant]:
    """A merchant at a plain KICC, and one at a KICC that varies everything it may vary."""
    async with open_kicc_merchant(**request.param) as opened:
        yield opened


@pytest.fixture
async def impatient_kicc_merchant() -> AsyncIterator[KiccMerchant]:
    """A merchant with a timeout of half a second, for withheld answers."""
    async with open_kicc_merchant(total_timeout_s=0.5) as opened:
        yield opened


@pytest.fixture
def account() -> PgAccount:
    return PgAccount(pg_merchant_id="T0021766", secret=SECRET, is_sandbox=True)


@pytest.fixture
def attempt(clock: ManualClock) -> Attempt:
    return Attempt(attempt_id="ch-01J6XA0000000000000000001", business_date=kst_day(clock.now()))


@pytest.fixture
def order() -> Order:
    return Order(pg_order_id="SUB-202609-u1029", amount_krw=9_900, goods_name="월간 구독 9월")


@pytest.fixture
async def provider_at(clock: ManualClock) -> AsyncIterator[Make]:
    """Makes providers that talk to the given URL and closes them after the test."""
    async with AsyncExitStack() as stack:

        def make(url: str, **other: Any) -> KiccProvider:
            provider = KiccProvider(
                sandbox_url=url,
                clock=clock,
                **{"live_url": "https://live.invalid", "connections_max": 4, **other},
            )
            stack.push_async_callback(provider.close)
            return provider

        yield make


@pytest.fixture
def charge_at(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order
) -> Callable[..., Awaitable[Approved | Declined | Unknown | NotSent]]:
    """Charges the order once at the given URL, with a provider of its own."""

    async def charge(url: str, **other: Any) -> Approved | Declined | Unknown | NotSent:
        provider = provider_at(url, **other)
        return await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)

    return charge

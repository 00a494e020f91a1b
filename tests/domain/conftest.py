"""Domain packages called directly: real PostgreSQL, the real simulator, a manual clock."""

from collections.abc import AsyncIterator

import pytest

from dasi.app import open_engine
from dasi.channels import Channel, add_channel
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.merchants import Merchant, add_merchant
from dasi.settings import read_settings
from support.gateway_merchant import CODE, MID, PG_SECRET, environment
from support.simulator_process import SimulatorControl

PUBLIC_URL = "http://127.0.0.1:9"  # nothing listens: a test passes the payer's return on itself


@pytest.fixture
async def engine(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> AsyncIterator[Engine]:
    """At 10:00 in Korea on 2026-09-03, here and at KICC."""
    await kicc.set_clock("2026-09-03T10:00:00")
    variables = environment(database_url, kicc_url=kicc.base_url, public_url=PUBLIC_URL)
    async with open_engine(read_settings(variables), clock=clock) as engine:
        yield engine


@pytest.fixture
async def merchant(engine: Engine) -> Merchant:
    return await add_merchant(engine, code=CODE, name="다시 커피", webhook_url=None)


@pytest.fixture
async def channel(engine: Engine, merchant: Merchant) -> Channel:
    return await add_channel(
        engine,
        merchant,
        provider="kicc",
        pg_merchant_id=MID,
        secret=PG_SECRET,
        is_sandbox=True,
        is_default=True,
    )

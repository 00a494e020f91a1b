"""The stage of histories: one PostgreSQL, one PG and one merchant for each test."""

from collections.abc import AsyncIterator

import pytest

from crash.history import Stage
from crash.merchant_webhooks import listening_merchant
from crash.results import Results
from support.database import TestServer
from support.simulator_process import SimulatorControl


@pytest.fixture
async def stage(database_server: TestServer, kicc: SimulatorControl) -> AsyncIterator[Stage]:
    async with listening_merchant() as merchant_side:
        yield Stage(database_server, kicc, merchant_side, Results())

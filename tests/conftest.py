"""What every test may ask for: a database of its own, a gateway with a shop in it, a simulator as
new, and a clock that stands still."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from dasi.foundation.clock import KST, ManualClock
from dasi.foundation.db import Database, open_database
from support.database import TestServer, running_server
from support.gateway_merchant import MerchantClient, running_gateway
from support.simulator_process import SimulatorControl, running_simulator


@pytest.fixture(scope="session")
def database_server() -> Iterator[TestServer]:
    """One PostgreSQL a worker: about a second, once."""
    folder = Path(tempfile.mkdtemp(prefix="dasi-test-"))
    try:
        with running_server(folder / "data") as server:
            yield server
    finally:
        shutil.rmtree(folder)


@pytest.fixture
async def database_url(database_server: TestServer) -> AsyncIterator[str]:
    """A migrated, empty database of this test's own."""
    name = await database_server.create()
    yield database_server.url_of(name)
    await database_server.drop(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """`database_url`, open."""
    opened = await open_database(database_url, connections_max=8, statement_timeout_s=30)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    """2026-09-03 10:00 in Korea, standing still until the test turns it."""
    return ManualClock(datetime(2026, 9, 3, 10, 0, tzinfo=KST))


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    """One KICC simulator a worker, in real time."""
    with running_simulator() as url:
        yield url


@pytest.fixture
async def kicc(simulator_url: str) -> AsyncIterator[SimulatorControl]:
    """The simulator with empty books."""
    async with SimulatorControl(simulator_url) as control:
        await control.reset()
        yield control


@pytest.fixture
async def gateway(database_url: str, kicc: SimulatorControl) -> AsyncIterator[MerchantClient]:
    """The whole gateway over HTTP, with one shop and an empty database."""
    async with running_gateway(database_url, kicc) as client:
        yield client

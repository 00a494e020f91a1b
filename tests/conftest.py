"""Fixtures for all tests: a database, a gateway with a merchant, a reset simulator, a clock."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import pytest
from argon2 import PasswordHasher

from dasi.foundation.clock import KST, ManualClock
from dasi.foundation.db import Database, open_database
from dasi.users import passwords
from support.database import TestServer, running_server
from support.gateway_merchant import MerchantClient, running_gateway
from support.scratch_folder import scratch_folder
from support.simulator_process import SimulatorControl, running_simulator


@pytest.fixture(scope="session")
def database_server() -> Iterator[TestServer]:
    """One PostgreSQL for each test worker; its start takes about a second."""
    with scratch_folder("dasi-test-") as folder, running_server(folder / "data") as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def real_password_hasher() -> Iterator[PasswordHasher]:
    """The product's hasher. Tests use the cheapest of its kind: a real hash takes 150 ms."""
    real = passwords._hasher
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_hasher", cheap)
        yield real


@pytest.fixture
async def database_name(database_server: TestServer) -> AsyncIterator[str]:
    """A migrated, empty database for one test."""
    name = await database_server.lease()
    yield name
    await database_server.give_back(name)


@pytest.fixture
def database_url(database_server: TestServer, database_name: str) -> str:
    """The URL of the test's database for the application's role, as a gateway has it."""
    return database_server.url_of(database_name)


@pytest.fixture
async def owner(database_server: TestServer, database_name: str) -> AsyncIterator[Database]:
    """The test's database as its owner, who may do what the application's role may not."""
    url = database_server.owner_url_of(database_name)
    opened = await open_database(url, connections_max=2, statement_timeout_s=30)
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database of `database_url`, open."""
    opened = await open_database(database_url, connections_max=8, statement_timeout_s=30)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    """A clock at 2026-09-03 10:00 in Korea that only the test moves."""
    return ManualClock(datetime(2026, 9, 3, 10, 0, tzinfo=KST))


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    """One KICC simulator for each test worker, in real time."""
    with running_simulator() as url:
        yield url


@pytest.fixture
async def kicc(simulator_url: str) -> AsyncIterator[SimulatorControl]:
    """The simulator with an empty ledger."""
    async with SimulatorControl(simulator_url) as control:
        await control.reset()
        yield control


@pytest.fixture
async def gateway(database_url: str, kicc: SimulatorControl) -> AsyncIterator[MerchantClient]:
    """The whole gateway over HTTP, with one merchant and an empty database."""
    async with running_gateway(database_url, kicc) as client:
        yield client

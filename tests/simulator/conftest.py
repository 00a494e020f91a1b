"""One simulator process for the folder, reset for each test, and a merchant as its client."""

from collections.abc import AsyncIterator, Iterator

import pytest

from support.simulator_merchant import Merchant
from support.simulator_process import SimulatorControl, running_simulator


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    """The folder's simulator."""
    with running_simulator() as url:
        yield url


@pytest.fixture
async def kicc(simulator_url: str) -> AsyncIterator[SimulatorControl]:
    """The simulator as just started, at 10:00 in Korea on 2026-09-03."""
    async with SimulatorControl(simulator_url) as control:
        await control.reset()
        await control.set_clock("2026-09-03T10:00:00")
        yield control


@pytest.fixture
async def merchant(kicc: SimulatorControl) -> AsyncIterator[Merchant]:
    """A mall with every permission."""
    async with Merchant(kicc) as speaking:
        yield speaking

"""The server accepts every request that OpenAPI allows, and refuses those that it forbids.

The same cases every time, so that this is as green on a slow machine as on a fast one. `make fuzz`
looks for new ones, thousands of them.
"""

from pathlib import Path

from fuzz_iamport import fuzz, stock
from support.gateway_process import running_programs
from support.simulator_process import SimulatorControl

SEED, EXAMPLES = 20261126, 1


async def test_schemathesis_finds_nothing(
    database_url: str, kicc: SimulatorControl, tmp_path: Path
) -> None:
    async with running_programs(database_url, kicc, workers=0) as (client, _programs):
        await stock(client)

        fuzzed = await fuzz(client, tmp_path, examples=EXAMPLES, seed=SEED)

    assert fuzzed.is_clean, fuzzed.told[-8_000:]
    assert fuzzed.cases > 1_000, fuzzed.told[-2_000:]

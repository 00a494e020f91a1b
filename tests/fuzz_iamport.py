"""Run schemathesis with all its checks against the Iamport interface of a running gateway.

    cd tests && ../.venv/bin/python fuzz_iamport.py --examples 60

or `make fuzz EXAMPLES=60`. `iamport/schemathesis.toml` lists the exceptions with their reasons.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.database import TestServer, running_server
from support.gateway_merchant import MerchantClient
from support.gateway_process import running_programs
from support.simulator_process import SimulatorControl, running_simulator

CONFIG = Path(__file__).parent / "iamport/schemathesis.toml"
HOOKS = Path(__file__).parent / "iamport/schemathesis_hooks.py"
PHASES = "examples,coverage,fuzzing,stateful"


@dataclass(frozen=True)
class Fuzzed:
    """The result of a run."""

    is_clean: bool
    cases: int
    output: str
    """Everything that schemathesis printed."""


async def fuzz(
    client: MerchantClient, folder: Path, *, examples: int, seed: int | None = None
) -> Fuzzed:
    """Run `examples` cases for every operation. The same `seed` makes the same cases."""
    report = folder / "report.json"
    seeded = [] if seed is None else ["--seed", str(seed)]
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG, "run",
        f"{client.url}/openapi.json", "--phases", PHASES, *seeded, "--request-timeout", "60",
        "--max-examples", str(examples), "--header", f"Authorization:{await client.token()}",
        "--report-json-path", report, "--generation-database", "none", "--no-shrink",
        "--warnings", "off", "--no-color", "--workers", "1",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS)},
    )  # fmt: skip
    output, _ = await process.communicate()
    summary: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}
    cases = summary.get("test_cases", {}).get("generated", 0)
    return Fuzzed(process.returncode == 0, cases, output.decode())


async def _main(
    server: TestServer, kicc_url: str, folder: Path, *, examples: int, seed: int | None
) -> Fuzzed:
    database = await server.create()
    async with (
        SimulatorControl(kicc_url) as kicc,
        running_programs(server.url_of(database), kicc, workers=0) as (client, _programs),
    ):
        await stock(client)
        return await fuzz(client, folder, examples=examples, seed=seed)


async def stock(client: MerchantClient) -> None:
    """Add cards, a payment and scheduled payments, so that requests find data."""
    for customer_uid in ("card-1", "card-2", "card-3"):
        await client.register_card(customer_uid)
    await client.again(merchant_uid="order-1")
    schedules = [
        {
            "merchant_uid": f"scheduled-{n}",
            "schedule_at": int(time.time()) + 3_600 * n,
            "amount": 100,
        }
        for n in range(1, 4)
    ]
    body = {"customer_uid": "card-2", "schedules": schedules}
    await client.call("POST", "/subscribe/payments/schedule", json=body)


def main() -> int:
    """Run the command line; 0 if no check failed."""
    command = argparse.ArgumentParser(prog="fuzz_iamport.py", description=__doc__)
    command.add_argument("--examples", type=int, default=60, help="cases an operation")
    command.add_argument("--seed", type=int, help="of an earlier run, to see it again")
    options = command.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dasi-fuzz-"))
    try:
        with running_server(folder / "data") as server, running_simulator() as kicc_url:
            fuzzed = asyncio.run(
                _main(server, kicc_url, folder, examples=options.examples, seed=options.seed)
            )
    finally:
        shutil.rmtree(folder)
    # Of a clean run only the summary: the rest names every link that led nowhere.
    sys.stdout.write(
        fuzzed.output.partition("= SUMMARY =")[2] if fuzzed.is_clean else fuzzed.output
    )
    return 0 if fuzzed.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())

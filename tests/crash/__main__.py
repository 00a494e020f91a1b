"""`make crash SEED=… RUNS=…`: plays histories and prints what they came to."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

import structlog

from crash.history import Stage, run_history
from crash.merchant_side import listening_merchant
from crash.sweep import SWEEPS, run_sweep
from crash.tally import Tally
from database import TestServer, running_server
from simulator_process import SimulatorControl, running_simulator


async def _play(server: TestServer, kicc_url: str, options: argparse.Namespace) -> Tally:
    tally, until = Tally(), time.monotonic() + 60 * options.minutes
    async with SimulatorControl(kicc_url) as kicc, listening_merchant() as merchant_side:
        stage = Stage(server, kicc, merchant_side, tally)
        for name in SWEEPS if options.sweep == "all" else [options.sweep]:
            if name != "none":
                await run_sweep(stage, name)
        for seed in range(options.seed, options.seed + options.runs):
            if time.monotonic() > until:
                break
            await run_history(stage, seed)
    return tally


def main() -> int:
    """0 if every promise was kept."""
    command = argparse.ArgumentParser(prog="python -m crash", description=__doc__)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--runs", type=int, default=100)
    command.add_argument("--minutes", type=float, default=60, help="no new history after this")
    command.add_argument("--sweep", choices=["all", "none", *SWEEPS], default="all")
    options = command.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder, began = Path(tempfile.mkdtemp(prefix="dasi-crash-")), time.monotonic()
    try:
        with running_server(folder / "data") as server, running_simulator() as kicc_url:
            tally = asyncio.run(_play(server, kicc_url, options))
    finally:
        shutil.rmtree(folder)
    sys.stdout.write(f"{tally.report()}\n")
    sys.stdout.write(f"took                 {time.monotonic() - began:.0f} s\n")
    return 1 if tally.violations or tally.unlisted else 0


if __name__ == "__main__":
    sys.exit(main())

"""python -m bench [PART ...]     all parts by default; `--quick` runs two short rounds

Results go to docs/reports/: speed.json, speed.svg and the tables of speed.md. A run of one part
replaces the results of that part only.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from bench import (
    charge,
    growth,
    memory,
    overload,
    profile_charge,
    reads,
    schedules,
    webhooks,
    windows,
    workers,
)
from bench.machine import Machine, running_machine
from bench.picture import draw
from bench.report import fill_in
from bench.table import lines

REPORTS = Path(__file__).parent.parent / "docs/reports"
CLIENTS = (1, 8, 32)
Part = Callable[[argparse.Namespace], Awaitable[Any]]


def _on_a_machine(
    measure: Callable[[Machine, argparse.Namespace], Awaitable[Any]],
) -> Part:
    async def run(options: argparse.Namespace) -> Any:
        async with running_machine() as machine:
            return await measure(machine, options)

    return run


async def _charge(machine: Machine, options: argparse.Namespace) -> Any:
    return [
        await charge.measure(
            machine, clients=clients, repetitions=options.repetitions, seconds=options.seconds
        )
        for clients in CLIENTS
    ]


async def _reads(machine: Machine, options: argparse.Namespace) -> Any:
    await charge.measure(machine, clients=32, repetitions=1, seconds=2, name="seed")
    return await reads.measure(
        machine, clients=32, repetitions=options.repetitions, seconds=options.seconds
    )


PARTS: dict[str, Part] = {
    "charge": _on_a_machine(_charge),
    "reads": _on_a_machine(_reads),
    "windows": _on_a_machine(
        lambda machine, options: windows.measure(
            machine, repetitions=options.repetitions, windows=40
        )
    ),
    "webhooks": lambda options: webhooks.measure(seconds=2 * options.seconds),
    "schedules": _on_a_machine(
        lambda machine, options: schedules.measure(machine, schedules=options.schedules)
    ),
    "start": _on_a_machine(
        lambda machine, options: memory.measure_start(machine, repetitions=options.repetitions)
    ),
    "memory": _on_a_machine(
        lambda machine, options: memory.measure_memory(machine, charges=options.charges)
    ),
    "profile": _on_a_machine(
        lambda machine, options: profile_charge.measure(machine, seconds=2 * options.seconds)
    ),
    "overload": lambda options: overload.measure(seconds=2 * options.seconds),
    "workers": lambda options: workers.measure(
        repetitions=options.repetitions, seconds=options.seconds
    ),
    "growth": lambda options: growth.measure(
        options.growth_data,
        sizes=options.sizes,
        repetitions=options.repetitions,
        seconds=options.seconds,
    ),
}


async def run(options: argparse.Namespace) -> None:
    file = REPORTS / "speed.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    commit = _commit()  # before our own output makes the checkout dirty
    for name in options.parts or PARTS:
        print(f"{name} ...", flush=True)
        load_before = os.getloadavg()[0]
        result = await PARTS[name](options)
        results[name] = {"result": result, "on": _environment(commit, load_before)}
        for line in lines(name, result):
            print(f"  {line}", flush=True)
        REPORTS.mkdir(exist_ok=True)
        file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    page = REPORTS / "speed.md"
    page.write_text(fill_in(page.read_text(), results))
    if "charge" in results:
        (REPORTS / "speed.svg").write_text(draw(results))


def _commit() -> str:
    version = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return version.stdout.strip()


def _environment(commit: str, load_before: float) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_before": round(load_before, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help="charge reads windows ...")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--charges", type=int, default=100_000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument(
        "--growth-data",
        type=Path,
        default=Path(tempfile.gettempdir()) / "dasi-growth",
        help="where the payments for `growth` are kept: 25 GB, made once in half an hour",
    )
    parser.add_argument("--quick", action="store_true", help="two short rounds, small amounts")
    options = parser.parse_args()
    if options.quick:
        options.repetitions, options.seconds = 2, 2
        options.schedules, options.charges, options.sizes = 2_000, 5_000, [50_000]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Growth: the same charges and reads with many payments in the tables.

The payments are a year of one merchant. `bench.seed` makes them once on a server of their own. A
benchmark adds to them, which is little beside a million. The baseline's table stays small, because
it is the measure.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import charge, reads
from bench.machine import Machine, running_machine
from bench.seed import name_of, prepare

_CLIENTS = 32


async def measure(
    folder: Path, *, sizes: Sequence[int], repetitions: int, seconds: int
) -> dict[str, dict[str, Any]]:
    """Measure by number of payments, empty tables first, and make missing databases in `folder`."""
    await prepare(folder, [size for size in sizes if size])
    results: dict[str, dict[str, Any]] = {}
    for size in sorted({0, *sizes}):
        where = (folder, name_of(size)) if size else None
        async with running_machine(where=where) as machine:
            results[str(size)] = await _measure(machine, repetitions=repetitions, seconds=seconds)
        if size:
            _compare(results["0"], results[str(size)])
    return results


async def _measure(machine: Machine, *, repetitions: int, seconds: int) -> dict[str, Any]:
    bytes_used = await machine.database.fetchval("SELECT pg_database_size(current_database())")
    run = f"g{int(time.time())}-"  # a database from an earlier run has its orders
    return {
        "database_gib": round(bytes_used / 2**30, 2),
        "charge": await charge.measure(
            machine, clients=_CLIENTS, repetitions=repetitions, seconds=seconds, name=run
        ),
        "reads": await reads.measure(
            machine, clients=_CLIENTS, repetitions=repetitions, seconds=seconds
        ),
    }


def _compare(empty: dict[str, Any], full: dict[str, Any]) -> None:
    """Add the slowdown against empty tables, without the baseline's own change."""
    pairs = {"charge": (empty["charge"], full["charge"])}
    pairs |= {name: (empty["reads"][name], after) for name, after in full["reads"].items()}
    unanswered = [name for name, (_, after) in pairs.items() if not after["throughput_ratio"]]
    assert not unanswered, f"no request was answered: {unanswered}"
    full["times_of_empty"] = {
        name: round(before["throughput_ratio"] / after["throughput_ratio"], 2)
        for name, (before, after) in pairs.items()
    }

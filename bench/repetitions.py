"""Summarise runs of baseline and gateway by their medians and ratios."""

import statistics
from dataclasses import dataclass, field
from typing import Any

from bench.load import Load, as_json, run_wrk
from bench.machine import Machine, Part


@dataclass
class Side:
    """Baseline or gateway: its runs."""

    loads: list[Load] = field(default_factory=list)
    cpu_us: list[dict[str, float]] = field(default_factory=list)
    """For each run: CPU of a request, by process."""

    def median(self, name: str) -> float:
        return statistics.median(getattr(load, name) for load in self.loads)

    def as_json(self) -> dict[str, Any]:
        names = sorted({name for run in self.cpu_us for name in run})
        return {
            **{name: round(self.median(name), 2) for name in ("per_s", "p50_ms", "p99_ms")},
            "refused": sum(load.refused for load in self.loads),
            "broken": sum(load.broken for load in self.loads),
            "cpu_us_a_request": {
                name: round(statistics.median(run[name] for run in self.cpu_us)) for name in names
            },
            "runs": [as_json(load) for load in self.loads],
        }


async def one_run(
    machine: Machine, part: Part, path: str, script: str, *, clients: int, seconds: int
) -> tuple[Load, dict[str, float]]:
    """Load one part; return the load and the CPU microseconds of a request by process."""
    watched = [part, machine.postgres, machine.simulator]
    before = [process.cpu_s() for process in watched]
    load = await run_wrk(part.url + path, script, clients=clients, seconds=seconds)
    cpu = {
        ("server" if process is part else process.name): (
            (process.cpu_s() - cpu_before) * 1e6 / max(load.requests, 1)
        )
        for process, cpu_before in zip(watched, before, strict=True)
    }
    return load, cpu


def beside(baseline: Side, dasi: Side) -> dict[str, Any]:
    """Both sides with the ratios of the targets."""
    return {
        "baseline": baseline.as_json(),
        "dasi": dasi.as_json(),
        "throughput_ratio": round(dasi.median("per_s") / baseline.median("per_s"), 3),
        "p50_ratio": round(dasi.median("p50_ms") / baseline.median("p50_ms"), 3),
        "p50_added_ms": round(dasi.median("p50_ms") - baseline.median("p50_ms"), 2),
    }

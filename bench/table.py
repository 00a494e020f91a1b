"""Format the result of a part as lines for the terminal: gateway, baseline and ratio."""

from collections.abc import Iterator
from typing import Any


def clients(count: int) -> str:
    return f"{count} client" if count == 1 else f"{count} clients"


def lines(part: str, result: Any) -> Iterator[str]:
    match part:
        case "charge":
            for run in result:
                yield _beside(f"charge, {clients(run['clients'])}", run)
        case "reads":
            for name, run in result.items():
                yield _beside(f"read {name}", run)
        case "growth":
            for size, run in result.items():
                yield f"{int(size):,} payments, {run['database_gib']} GiB:"
                yield _beside("  charge", run["charge"])
                for name, read in run["reads"].items():
                    yield _beside(f"  read {name}", read)
                for name, times in run.get("times_of_empty", {}).items():
                    yield f"  {name}: x {times:.2f} of empty tables"
        case _:
            for name, value in result.items():
                yield f"{name}: {value}"


def _beside(name: str, run: dict[str, Any]) -> str:
    baseline, dasi = run["baseline"], run["dasi"]
    return (
        f"{name:22} dasi {dasi['per_s']:8,.0f}/s  p50 {dasi['p50_ms']:6.1f}  "
        f"p99 {dasi['p99_ms']:6.1f} ms | baseline {baseline['per_s']:8,.0f}/s  "
        f"p50 {baseline['p50_ms']:6.1f}  "
        f"p99 {baseline['p99_ms']:6.1f} ms | {run['throughput_ratio']:.0%} of the baseline, "
        f"p50 x {run['p50_ratio']:.2f} ({run['p50_added_ms']:+.1f} ms)"
    )

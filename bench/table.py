"""What a part measured, as lines for a person: the gateway, the baseline beside it, the ratio."""

from collections.abc import Iterator
from typing import Any


def clients(count: int) -> str:
    return f"{count} client" if count == 1 else f"{count} clients"


def lines(part: str, told: Any) -> Iterator[str]:
    match part:
        case "charge":
            for one in told:
                yield _beside(f"charge, {clients(one['clients'])}", one)
        case "reads":
            for name, one in told.items():
                yield _beside(f"read {name}", one)
        case "growth":
            for size, one in told.items():
                yield f"{int(size):,} payments, {one['database_gib']} GiB:"
                yield _beside("  charge", one["charge"])
                for name, read in one["reads"].items():
                    yield _beside(f"  read {name}", read)
                for name, times in one.get("times_of_empty", {}).items():
                    yield f"  {name}: x {times:.2f} of empty tables"
        case _:
            for name, value in told.items():
                yield f"{name}: {value}"


def _beside(name: str, one: dict[str, Any]) -> str:
    baseline, dasi = one["baseline"], one["dasi"]
    return (
        f"{name:22} dasi {dasi['per_s']:8,.0f}/s  p50 {dasi['p50_ms']:6.1f}  "
        f"p99 {dasi['p99_ms']:6.1f} ms | baseline {baseline['per_s']:8,.0f}/s  "
        f"p50 {baseline['p50_ms']:6.1f}  "
        f"p99 {baseline['p99_ms']:6.1f} ms | {one['throughput_ratio']:.0%} of the baseline, "
        f"p50 x {one['p50_ratio']:.2f} ({one['p50_added_ms']:+.1f} ms)"
    )

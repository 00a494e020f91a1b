"""Make the tables of docs/reports/speed.md from the measurements; the text around them stays.

<!-- results -->   every run replaces the lines between the marks
<!-- end -->
"""

import re
from collections.abc import Iterator
from typing import Any

from bench.table import clients

_MARKED = re.compile(r"(<!-- (results|profile) -->\n).*?(<!-- end -->)", re.DOTALL)
Row = tuple[str, str, str, str, str, bool | None]


def fill_in(page: str, results: dict[str, Any]) -> str:
    """`page` with the tables of `results` between its marks."""
    by_part = {name: part["result"] for name, part in results.items()}
    tables = {"results": _results(by_part), "profile": _profile(by_part.get("profile", {}))}
    return _MARKED.sub(lambda mark: mark[1] + "\n" + tables[mark[2]] + "\n" + mark[3], page)


def _results(results: dict[str, Any]) -> str:
    lines = ["| What | dasi | baseline | beside it | Target | |", "|---|---|---|---|---|---|"]
    for *cells, is_met in _rows(results):
        verdict = {True: "met", False: "missed", None: ""}[is_met]
        lines.append(f"| {' | '.join(cells)} | {verdict} |")
    return "\n".join([*lines, ""])


def _rows(results: dict[str, Any]) -> Iterator[Row]:
    for result in results.get("charge", ()):
        yield from _charge(result)
    for name, result in results.get("reads", {}).items():
        title = {"one": "read one payment", "list": "read a list of 20"}[name]
        yield _beside(f"{title}, {clients(result['clients'])}", result, least=0.6)
    if result := results.get("schedules"):
        yield (
            f"schedules, {result['schedules']:,} due at once, one worker",
            f"{result['per_s']:,.0f}/s",
            f"{result['baseline_charges_per_s']:,.0f} charges/s", "none charged twice", "≥ 250/s",
            result["per_s"] >= 250,
        )  # fmt: skip
        resident = result["worker_resident_mib"]
        yield "resident worker after them", f"{resident:.0f} MiB", "", "", "", None
    for count in (1, 8):
        if result := results.get("webhooks", {}).get(f"{count}_clients"):
            yield (
                f"webhook after its commit, {clients(count)}",
                f"p50 {result['p50_ms']:.0f} ms, p95 {result['p95_ms']:.0f} ms",
                f"a bare POST {results['webhooks']['baseline_post_p50_ms']:.2f} ms", "",
                "p95 < 250 ms", result["p95_ms"] < 250,
            )  # fmt: skip
    if result := results.get("windows"):
        yield (
            "window to issued key, 8 payers",
            *_two(result),
            f"{result['throughput_ratio']:.0%}",
            "",
            None,
        )
    yield from _growth(results.get("growth", {}))
    yield from _processes(results)


def _charge(result: dict[str, Any]) -> Iterator[Row]:
    count = result["clients"]
    if count == 1:
        dasi, baseline = _two(result)
        is_met = result["p50_ratio"] <= 1.25
        yield (
            "charge, 1 client",
            dasi,
            baseline,
            f"p50 × {result['p50_ratio']:.2f}",
            "≤ 1.25 ×",
            is_met,
        )
        yield (
            "own time added, 1 client", f"{result['p50_added_ms']:.1f} ms", "", "", "≤ 15 ms",
            result["p50_added_ms"] <= 15,
        )  # fmt: skip
        return
    yield _beside(f"charge, {clients(count)}", result, least=0.8 if count == 32 else None)
    if count == 32:
        yield (
            "CPU of a charge, 32 clients",
            _cpu(result["dasi"]),
            _cpu(result["baseline"]),
            "",
            "",
            None,
        )


def _growth(results: dict[str, Any]) -> Iterator[Row]:
    for size, result in results.items():
        if times := result.get("times_of_empty"):
            yield (
                f"with {int(size):,} payments ({result['database_gib']} GiB)",
                f"charge {result['charge']['dasi']['per_s']:,.0f}/s, "
                f"one {result['reads']['one']['dasi']['per_s']:,.0f}/s, "
                f"list {result['reads']['list']['dasi']['per_s']:,.0f}/s",
                "", ", ".join(f"{name} × {value:.2f}" for name, value in times.items()),
                "≤ 1.3 × of empty", max(times.values()) <= 1.3,
            )  # fmt: skip


def _processes(results: dict[str, Any]) -> Iterator[Row]:
    if result := results.get("start"):
        for name, seconds in result["ready_s"].items():
            figures = f"{seconds} s, {result['resident_mib'][name]:.0f} MiB"
            if name == "simulator":
                yield "ready, simulator", figures, "", "", "", None
            else:
                yield f"ready, {name}, existing database", figures, "", "", "< 2 s", seconds < 2
    if steps := results.get("memory", {}).get("steps"):
        first, last = steps[1]["gateway"], steps[-1]["gateway"]
        yield (
            f"resident gateway after {steps[-1]['charges']:,} charges", f"{last:.0f} MiB",
            f"{steps[-1]['baseline']:.0f} MiB",
            f"{last - first:+.1f} MiB since {steps[1]['charges']:,}",
            "< 120 MiB and flat", last < 120 and last - first < 5,
        )  # fmt: skip
    if result := results.get("overload"):
        some, many = result[f"{result['room']}_clients"], result[f"{4 * result['room']}_clients"]
        yield (
            f"overload: {4 * result['room']} clients for room of {result['room']}",
            f"{many['accepted_per_s']:,.0f}/s accepted, p99 {many['accepted_p99_ms']:.0f} ms", "",
            f"with {result['room']}: {some['accepted_per_s']:,.0f}/s, "
            f"{some['accepted_p99_ms']:.0f} ms",
            "bounded, none unresolved", many["unresolved"] == 0,
        )  # fmt: skip
    if result := results.get("workers"):
        for name, title in (("free", "free"), ("held", f"{result['share']} of a core each")):
            first, second = result["1"][name], result["2"][name]
            if first and second:
                yield (
                    f"two processes beside one, {title}", f"{second['per_s']:,.0f}/s",
                    f"one: {first['per_s']:,.0f}/s", f"× {second['per_s'] / first['per_s']:.2f}",
                    "near-linear" if name == "held" else "", None,
                )  # fmt: skip


def _beside(name: str, result: dict[str, Any], *, least: float | None) -> Row:
    ratio = result["throughput_ratio"]
    target = f"≥ {least:.0%}" if least else ""
    return (name, *_two(result), f"{ratio:.0%}", target, ratio >= least if least else None)


def _two(result: dict[str, Any]) -> tuple[str, str]:
    dasi, baseline = (
        f"{result[side]['per_s']:,.0f}/s, p50 {result[side]['p50_ms']:.1f} ms"
        for side in ("dasi", "baseline")
    )
    return dasi, baseline


def _cpu(side: dict[str, Any]) -> str:
    cpu = side["cpu_us_a_request"]
    return f"{cpu['server']:.0f} µs + PostgreSQL {cpu['postgresql']:.0f} µs"


def _profile(profile: dict[str, Any]) -> str:
    lines = ["| | share |", "|---|---|"]
    lines += [f"| {name} | {share:.0%} |" for name, share in profile.get("shares", {}).items()]
    return "\n".join([*lines, ""])

"""The tables of docs/reports/speed.md, made from what was measured; the words around them stay.

<!-- results -->   what stands between the marks is replaced by every run
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
    told = {name: one["result"] for name, one in results.items()}
    tables = {"results": _results(told), "profile": _profile(told.get("profile", {}))}
    return _MARKED.sub(lambda found: found[1] + "\n" + tables[found[2]] + "\n" + found[3], page)


def _results(told: dict[str, Any]) -> str:
    lines = ["| What | dasi | baseline | beside it | Target | |", "|---|---|---|---|---|---|"]
    for *cells, is_met in _rows(told):
        verdict = {True: "met", False: "missed", None: ""}[is_met]
        lines.append(f"| {' | '.join(cells)} | {verdict} |")
    return "\n".join([*lines, ""])


def _rows(told: dict[str, Any]) -> Iterator[Row]:
    for one in told.get("charge", ()):
        yield from _charge(one)
    for name, one in told.get("reads", {}).items():
        what = {"one": "read one payment", "list": "read a list of 20"}[name]
        yield _beside(f"{what}, {clients(one['clients'])}", one, least=0.6)
    if one := told.get("schedules"):
        yield (
            f"schedules, {one['schedules']:,} due at once, one worker", f"{one['per_s']:,.0f}/s",
            f"{one['baseline_charges_per_s']:,.0f} charges/s", "none charged twice", "≥ 250/s",
            one["per_s"] >= 250,
        )  # fmt: skip
        resident = one["worker_resident_mib"]
        yield "resident worker after them", f"{resident:.0f} MiB", "", "", "", None
    for count in (1, 8):
        if one := told.get("webhooks", {}).get(f"{count}_clients"):
            yield (
                f"webhook after its commit, {clients(count)}",
                f"p50 {one['p50_ms']:.0f} ms, p95 {one['p95_ms']:.0f} ms",
                f"a bare POST {told['webhooks']['baseline_post_p50_ms']:.2f} ms", "",
                "p95 < 250 ms", one["p95_ms"] < 250,
            )  # fmt: skip
    if one := told.get("windows"):
        yield (
            "window to issued key, 8 payers",
            *_two(one),
            f"{one['throughput_ratio']:.0%}",
            "",
            None,
        )
    yield from _growth(told.get("growth", {}))
    yield from _processes(told)


def _charge(one: dict[str, Any]) -> Iterator[Row]:
    count = one["clients"]
    if count == 1:
        dasi, baseline = _two(one)
        is_met = one["p50_ratio"] <= 1.25
        yield (
            "charge, 1 client",
            dasi,
            baseline,
            f"p50 × {one['p50_ratio']:.2f}",
            "≤ 1.25 ×",
            is_met,
        )
        yield (
            "own time added, 1 client", f"{one['p50_added_ms']:.1f} ms", "", "", "≤ 15 ms",
            one["p50_added_ms"] <= 15,
        )  # fmt: skip
        return
    yield _beside(f"charge, {clients(count)}", one, least=0.8 if count == 32 else None)
    if count == 32:
        yield "CPU of a charge, 32 clients", _cpu(one["dasi"]), _cpu(one["baseline"]), "", "", None


def _growth(told: dict[str, Any]) -> Iterator[Row]:
    for size, one in told.items():
        if times := one.get("times_of_empty"):
            yield (
                f"with {int(size):,} payments ({one['database_gib']} GiB)",
                f"charge {one['charge']['dasi']['per_s']:,.0f}/s, "
                f"one {one['reads']['one']['dasi']['per_s']:,.0f}/s, "
                f"list {one['reads']['list']['dasi']['per_s']:,.0f}/s",
                "", ", ".join(f"{name} × {value:.2f}" for name, value in times.items()),
                "≤ 1.3 × of empty", max(times.values()) <= 1.3,
            )  # fmt: skip


def _processes(told: dict[str, Any]) -> Iterator[Row]:
    if one := told.get("start"):
        for name, seconds in one["ready_s"].items():
            figures = f"{seconds} s, {one['resident_mib'][name]:.0f} MiB"
            if name == "simulator":
                yield "ready, simulator", figures, "", "", "", None
            else:
                yield f"ready, {name}, existing database", figures, "", "", "< 2 s", seconds < 2
    if steps := told.get("memory", {}).get("steps"):
        first, last = steps[1]["gateway"], steps[-1]["gateway"]
        yield (
            f"resident gateway after {steps[-1]['charges']:,} charges", f"{last:.0f} MiB",
            f"{steps[-1]['baseline']:.0f} MiB",
            f"{last - first:+.1f} MiB since {steps[1]['charges']:,}",
            "< 120 MiB and flat", last < 120 and last - first < 5,
        )  # fmt: skip
    if one := told.get("overload"):
        some, many = one[f"{one['room']}_clients"], one[f"{4 * one['room']}_clients"]
        yield (
            f"overload: {4 * one['room']} clients for room of {one['room']}",
            f"{many['accepted_per_s']:,.0f}/s accepted, p99 {many['accepted_p99_ms']:.0f} ms", "",
            f"with {one['room']}: {some['accepted_per_s']:,.0f}/s, "
            f"{some['accepted_p99_ms']:.0f} ms",
            "bounded, none unresolved", many["unresolved"] == 0,
        )  # fmt: skip
    if one := told.get("workers"):
        for name, words in (("free", "free"), ("held", f"{one['share']} of a core each")):
            first, second = one["1"][name], one["2"][name]
            if first and second:
                yield (
                    f"two processes beside one, {words}", f"{second['per_s']:,.0f}/s",
                    f"one: {first['per_s']:,.0f}/s", f"× {second['per_s'] / first['per_s']:.2f}",
                    "near-linear" if name == "held" else "", None,
                )  # fmt: skip


def _beside(name: str, one: dict[str, Any], *, least: float | None) -> Row:
    ratio = one["throughput_ratio"]
    target = f"≥ {least:.0%}" if least else ""
    return (name, *_two(one), f"{ratio:.0%}", target, ratio >= least if least else None)


def _two(one: dict[str, Any]) -> tuple[str, str]:
    dasi, baseline = (
        f"{one[side]['per_s']:,.0f}/s, p50 {one[side]['p50_ms']:.1f} ms"
        for side in ("dasi", "baseline")
    )
    return dasi, baseline


def _cpu(side: dict[str, Any]) -> str:
    cpu = side["cpu_us_a_request"]
    return f"{cpu['server']:.0f} µs + PostgreSQL {cpu['postgresql']:.0f} µs"


def _profile(told: dict[str, Any]) -> str:
    lines = ["| | share |", "|---|---|"]
    lines += [f"| {name} | {share:.0%} |" for name, share in told.get("shares", {}).items()]
    return "\n".join([*lines, ""])

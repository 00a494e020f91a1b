"""More processes: the same load on one gateway process and on two.

A second process cannot show its gain on a machine whose cores are all in use. So a second round
limits each process to a part of a core. The ratio of two processes to one is then the gain, as long
as PostgreSQL, the simulator and the load generator have spare CPU.
"""

import statistics
import time
from contextlib import ExitStack
from typing import Any

from bench import load
from bench.cpu_share import limited_to
from bench.machine import CARDS, Machine, running_machine

_CLIENTS = 32
_SHARE = 0.25
"""The part of a core for each process; two of them leave three quarters of two cores."""


async def measure(*, repetitions: int, seconds: int) -> dict[str, Any]:
    results: dict[str, Any] = {"share": _SHARE}
    for workers in (1, 2):
        async with running_machine(gateway_workers=workers) as machine:
            process = machine.gateway.process
            pids = [child.pid for child in process.children()] if workers > 1 else [process.pid]
            free = await _rate(machine, "free", repetitions=repetitions, seconds=seconds)
            with ExitStack() as holding:
                is_limited = holding.enter_context(limited_to(_SHARE, pids))
                limited = (
                    await _rate(machine, "held", repetitions=repetitions, seconds=seconds)
                    if is_limited
                    else None
                )
            results[str(workers)] = {"processes": len(pids), "free": free, "held": limited}
    single, double = results["1"], results["2"]
    results["second_adds_free"] = round(double["free"]["per_s"] / single["free"]["per_s"], 2)
    if single["held"] and double["held"]:
        results["second_adds_held"] = round(double["held"]["per_s"] / single["held"]["per_s"], 2)
    return results


async def _rate(machine: Machine, name: str, *, repetitions: int, seconds: int) -> dict[str, Any]:
    rates, url = [], f"{machine.gateway.url}/subscribe/payments/again"
    for number in range(-1, repetitions):
        script = load.charges(token=machine.token, run=f"{name}{number}", cards=CARDS)
        before = {part.name: part.cpu_s() for part in machine.parts}
        began = time.perf_counter()
        result = await load.run_wrk(
            url, script, clients=_CLIENTS, seconds=seconds if number >= 0 else 1
        )
        span = time.perf_counter() - began
        cores = {
            part.name: round((part.cpu_s() - before[part.name]) / span, 2) for part in machine.parts
        }
        if number >= 0:
            rates.append(result.per_s)
    return {"per_s": round(statistics.median(rates), 1), "cores_used": cores}

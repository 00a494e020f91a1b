"""More processes: the same load on one gateway process and on two.

On a machine whose cores are all in use a second process has nothing to run on. So each process is
also held to a part of a core: what two of them do beside what one does is then what a second adds,
as long as PostgreSQL, the simulator and the load have room.
"""

import statistics
import time
from contextlib import ExitStack
from typing import Any

from bench import load
from bench.cpu_share import held_to
from bench.machine import CARDS, Machine, running_machine

_CLIENTS = 32
_SHARE = 0.25
"""Of a core for each process; two of them leave three quarters of two cores to the others."""


async def measure(*, repetitions: int, seconds: int) -> dict[str, Any]:
    results: dict[str, Any] = {"share": _SHARE}
    for workers in (1, 2):
        async with running_machine(gateway_workers=workers) as machine:
            process = machine.gateway.process
            pids = [one.pid for one in process.children()] if workers > 1 else [process.pid]
            free = await _rate(machine, "free", repetitions=repetitions, seconds=seconds)
            with ExitStack() as holding:
                is_held = holding.enter_context(held_to(_SHARE, pids))
                held = (
                    await _rate(machine, "held", repetitions=repetitions, seconds=seconds)
                    if is_held
                    else None
                )
            results[str(workers)] = {"processes": len(pids), "free": free, "held": held}
    one, two = results["1"], results["2"]
    results["second_adds_free"] = round(two["free"]["per_s"] / one["free"]["per_s"], 2)
    if one["held"] and two["held"]:
        results["second_adds_held"] = round(two["held"]["per_s"] / one["held"]["per_s"], 2)
    return results


async def _rate(machine: Machine, name: str, *, repetitions: int, seconds: int) -> dict[str, Any]:
    rates, url = [], f"{machine.gateway.url}/subscribe/payments/again"
    for number in range(-1, repetitions):
        script = load.charges(token=machine.token, run=f"{name}{number}", cards=CARDS)
        before = {part.name: part.cpu_s() for part in machine.parts}
        began = time.perf_counter()
        told = await load.run_wrk(
            url, script, clients=_CLIENTS, seconds=seconds if number >= 0 else 1
        )
        span = time.perf_counter() - began
        cores = {
            part.name: round((part.cpu_s() - before[part.name]) / span, 2) for part in machine.parts
        }
        if number >= 0:
            rates.append(told.per_s)
    return {"per_s": round(statistics.median(rates), 1), "cores_used": cores}

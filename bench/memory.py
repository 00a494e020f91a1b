"""Start-up time, and the resident memory of each process over many charges."""

import os
import statistics
from contextlib import AsyncExitStack
from typing import Any

from bench import load
from bench.machine import CARDS, Machine, start_gateway
from served import address_of, free_socket


async def measure_start(machine: Machine, *, rounds: int) -> dict[str, Any]:
    """`dasi serve` on an existing database, from its start to its first 200 of /health/ready."""
    took = []
    for _ in range(rounds):
        async with AsyncExitStack() as ending:
            listening = free_socket()
            url = address_of(listening)
            listening.close()
            settings = {**os.environ, **machine.settings}
            part = await start_gateway(ending, settings, url, machine.folder)
            took.append(part.ready_s)
            idle = part.resident_mib()
    return {"ready_s": round(statistics.median(took), 2), "resident_mib": round(idle, 1)}


async def measure_memory(machine: Machine, *, charges: int) -> dict[str, Any]:
    """Resident MiB by process, as charges go through."""
    done, number = 0, 0
    steps = []
    while True:
        steps.append(
            {
                "charges": done,
                **{part.name: round(part.resident_mib(), 1) for part in machine.parts},
            }
        )
        if done >= charges:
            return {"steps": steps}
        number += 1
        script = load.charges(token=machine.token, run=f"m{number}", cards=CARDS)
        url = f"{machine.gateway.url}/subscribe/payments/again"
        told = await load.run_wrk(url, script, clients=32, seconds=10)
        done += told.requests

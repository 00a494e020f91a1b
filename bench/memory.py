"""Start-up time, and the resident memory of each process over many charges."""

import asyncio
import os
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import psutil

from bench import load
from bench.machine import CARDS, Machine, Part, start_gateway, start_part
from support.served_app import address_of, free_socket
from support.simulator_process import start_simulator, stop_simulator

_PATIENCE_S = 30


async def measure_start(machine: Machine, *, repetitions: int) -> dict[str, Any]:
    """Time each program from its start until it is ready, and measure its memory then.

    `dasi serve` answers /health/ready on an existing database. `dasi worker` and the simulator
    print a line.
    """
    starts = {"gateway": _gateway, "worker": _worker, "simulator": _simulator}
    took: dict[str, list[float]] = {name: [] for name in starts}
    resident: dict[str, float] = {}
    for _ in range(repetitions):
        for name, start in starts.items():
            async with AsyncExitStack() as ending:
                part = await start(ending, machine)
                took[name].append(part.ready_s)
                resident[name] = round(part.resident_mib(), 1)
    return {
        "ready_s": {name: round(statistics.median(times), 2) for name, times in took.items()},
        "resident_mib": resident,
    }


async def _gateway(ending: AsyncExitStack, machine: Machine) -> Part:
    listening = free_socket()
    url = address_of(listening)
    listening.close()
    return await start_gateway(ending, {**os.environ, **machine.settings}, url, machine.folder)


async def _worker(ending: AsyncExitStack, machine: Machine) -> Part:
    log = machine.folder / "worker.log"
    log.unlink(missing_ok=True)
    began = time.perf_counter()
    part = await start_part(
        ending, "worker", ("-m", "dasi.cli", "worker"), machine.settings, "", folder=machine.folder
    )
    for _ in range(_PATIENCE_S * 100):
        if b"worker_ready" in log.read_bytes():
            return replace(part, ready_s=time.perf_counter() - began)
        await asyncio.sleep(0.01)
    raise AssertionError(f"the worker was not ready after {_PATIENCE_S} s")


async def _simulator(ending: AsyncExitStack, _machine: Machine) -> Part:
    began = time.perf_counter()
    process, url = await asyncio.to_thread(start_simulator, is_strict=False)
    ready_s = time.perf_counter() - began
    ending.callback(stop_simulator, process)
    return Part("simulator", psutil.Process(process.pid), url, ready_s)


async def measure_memory(machine: Machine, *, charges: int) -> dict[str, Any]:
    """Resident MiB by process over many charges."""
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
        result = await load.run_wrk(url, script, clients=32, seconds=10)
        done += result.requests

"""Reads: one payment and a page of twenty, beside a baseline with one query each."""

import asyncio

from bench import load
from bench.machine import Machine
from bench.repetitions import Side, beside, one_run
from dasi.reporting import count_payments

_PAYMENTS = 200
_COUNT_DELAY_S = 21


async def measure(
    machine: Machine, *, clients: int, repetitions: int, seconds: int
) -> dict[str, dict[str, object]]:
    await _count_payments(machine)
    dasi_payments = [
        f"/payments/{row['imp_uid']}"
        for row in await machine.database.fetch(
            f"SELECT imp_uid FROM payments WHERE purpose = 'payment' LIMIT {_PAYMENTS}"
        )
    ]
    baseline_payments = [
        f"/payments/{row['id']}"
        for row in await machine.database.fetch(
            f"SELECT id FROM baseline.payments LIMIT {_PAYMENTS}"
        )
    ]
    kinds = {
        "one": (baseline_payments, dasi_payments),
        "list": (["/payments"], ["/payments/status/paid?limit=20"]),
    }
    results = {}
    for name, (baseline_paths, dasi_paths) in kinds.items():
        baseline, dasi = Side(), Side()
        for number in range(-1, repetitions):
            for side, part, paths in (
                (baseline, machine.baseline, baseline_paths),
                (dasi, machine.gateway, dasi_paths),
            ):
                script = load.reads(paths, token=machine.token)
                span = seconds if number >= 0 else 1  # the first run warms up and does not count
                result, cpu = await one_run(
                    machine, part, "", script, clients=clients, seconds=span
                )
                assert result.refused == 0, result
                if number >= 0:
                    side.loads.append(result)
                    side.cpu_us.append(cpu)
        results[name] = {"clients": clients, **beside(baseline, dasi)}
    return results


async def _count_payments(machine: Machine) -> None:
    """Count the payments as the worker does, which waits until they are old enough."""
    await asyncio.sleep(_COUNT_DELAY_S)
    while await count_payments(machine.client.engine):
        pass
    await count_payments(machine.client.engine)  # the last hour, which the worker counts next

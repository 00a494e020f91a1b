"""Charges: `again` through the whole product, every one another order, beside the baseline."""

from bench import load
from bench.machine import CARDS, Machine
from bench.repetitions import Side, beside, one_run


async def measure(
    machine: Machine, *, clients: int, repetitions: int, seconds: int, name: str = "c"
) -> dict[str, object]:
    """`repetitions` runs of each in turn. Every answered charge must be paid in the books."""
    baseline, dasi = Side(), Side()
    for number in range(-1, repetitions):
        run = f"{name}{clients}r{number + 1}"
        script = load.charges(token=machine.token, run=run, cards=CARDS)
        span = seconds if number >= 0 else 1  # the first warms up and is not kept
        for side, part, path in (
            (baseline, machine.baseline, "/charge"),
            (dasi, machine.gateway, "/subscribe/payments/again"),
        ):
            told, cpu = await one_run(machine, part, path, script, clients=clients, seconds=span)
            if number >= 0:
                side.loads.append(told)
                side.cpu_us.append(cpu)
        paid = await machine.database.fetchval(
            "SELECT count(*) FROM payments WHERE status = 'paid' AND merchant_uid LIKE $1",
            f"{run}-%",
        )
        assert paid >= told.requests - told.refused, f"{told} but {paid} paid"
    unresolved = await machine.database.fetchval(
        "SELECT count(*) FROM pg_attempts WHERE state = 'unknown'"
    )
    return {"clients": clients, **beside(baseline, dasi), "unresolved": unresolved}

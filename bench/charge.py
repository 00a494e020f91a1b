"""Charges: `again` through the whole product, each for another order, beside the baseline."""

from bench import load
from bench.machine import CARDS, Machine
from bench.repetitions import Side, beside, one_run


async def measure(
    machine: Machine, *, clients: int, repetitions: int, seconds: int, name: str = "c"
) -> dict[str, object]:
    """Run each side `repetitions` times in turn. Every answered charge must be in the ledger."""
    baseline, dasi = Side(), Side()
    for number in range(-1, repetitions):
        run = f"{name}{clients}r{number + 1}"
        script = load.charges(token=machine.token, run=run, cards=CARDS)
        span = seconds if number >= 0 else 1  # the first run warms up and does not count
        for side, part, path in (
            (baseline, machine.baseline, "/charge"),
            (dasi, machine.gateway, "/subscribe/payments/again"),
        ):
            result, cpu = await one_run(machine, part, path, script, clients=clients, seconds=span)
            if number >= 0:
                side.loads.append(result)
                side.cpu_us.append(cpu)
        paid = await machine.database.fetchval(
            "SELECT count(*) FROM payments WHERE status = 'paid' AND merchant_uid LIKE $1",
            f"{run}-%",
        )
        assert paid >= result.requests - result.refused, f"{result} but {paid} paid"
    unresolved = await machine.database.fetchval(
        "SELECT count(*) FROM pg_attempts WHERE state = 'unknown'"
    )
    return {"clients": clients, **beside(baseline, dasi), "unresolved": unresolved}

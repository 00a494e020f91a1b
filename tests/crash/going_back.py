"""The database goes back some commits at an await, as by a restore, and all processes go on.

A restore ends all connections. It loses an acknowledged payment, and what the operation that is at
the await has committed so far. Afterwards the shop repeats its calls, and an operator recovers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from crash.environment import GATEWAYS, WORKERS, Environment, new_order
from crash.invariants import check_acknowledged
from crash.node import Node
from crash.operations import cancel_payment, charge_order, take_turn
from crash.schedule_operations import run_schedules, schedule_orders
from dasi.foundation.clock import KST
from dasi.foundation.errors import Unavailable
from dasi.recovery import recovery_state, set_mode

GATEWAY, OTHER_GATEWAY = GATEWAYS
WORKER, OTHER_WORKER = WORKERS
_LEASE_OVER_S = 130
_LOOKUPS_S = (3, 10, 70)
_RECONNECTS_MAX = 20
_PRICE_KRW = 1_500

Scenario = Callable[[Environment, int], Awaitable[None]]


@asynccontextmanager
async def _going_back(environment: Environment) -> AsyncIterator[None]:
    """Lose what the block has committed, at the moment at which one of its operations would die.

    At the end every process has opened a connection, as its next check of readiness does.
    """
    server, name = environment.server, environment.database_name
    snapshot = await server.snapshot(name)
    await environment.watch()
    restored = asyncio.Event()
    begun = False

    async def restore() -> None:
        nonlocal begun
        begun = True
        await server.restore(name, snapshot)
        await environment.watch()
        restored.set()

    environment.strike = restore
    try:
        yield
    finally:
        environment.strike = None
        if begun:
            await restored.wait()
        else:
            await server.drop(snapshot)
    for node in environment.nodes.values():
        await _reconnect(node)
    if begun:
        await _check_noticed(environment)


async def _reconnect(node: Node) -> None:
    for _ in range(_RECONNECTS_MAX):  # a connection that was lost says so once
        try:
            await node.engine.database.fetchrow("SELECT 1")
        except Unavailable:
            continue
        return
    raise AssertionError(f"{node.name} finds no database")


async def _check_noticed(environment: Environment) -> None:
    mode = (await recovery_state(environment.nodes[GATEWAY].engine.database)).mode
    detail = f"a payment is lost, and the mode is {mode}"
    environment.results.check("g noticed", mode == "recovering", detail, environment.seed)


async def _recover(environment: Environment) -> None:
    """Due lookups are made, each acknowledged payment is known, and an operator ends it."""
    for seconds in _LOOKUPS_S:
        await environment.turn(seconds)
        await take_turn(environment, OTHER_WORKER, "resolve_due")
    await check_acknowledged(environment)
    engine = environment.nodes[GATEWAY].engine
    await set_mode(engine.database, "normal", detail="recovered", now=engine.clock.now())


async def _charge(
    environment: Environment, order: str, *, at: str = GATEWAY, dies_at: int | None = None
) -> None:
    await charge_order(environment, at, order, requested_krw=_PRICE_KRW, dies_at=dies_at)


def _charging(*, effect: str | None = None, is_next_day: bool = False) -> Scenario:
    async def scenario(environment: Environment, moment: int) -> None:
        orders = [new_order(environment), new_order(environment)]
        if is_next_day:  # then only the lookup protects an order that is sent again
            await environment.kicc.settings(unique_orders=False)
        async with _going_back(environment):
            await _charge(environment, orders[0])
            if effect:
                await environment.fault("batch", effect)
            await _charge(environment, orders[1], dies_at=moment)
            await environment.end_faults()
        if is_next_day:
            await environment.turn(_seconds_to_next_day(environment))
        for order in orders:
            await _charge(environment, order, at=OTHER_GATEWAY)
        await _recover(environment)

    return scenario


async def _cancelling(environment: Environment, moment: int) -> None:
    lost = new_order(environment)
    await _charge(environment, new_order(environment))
    charged = environment.call_results[-1]
    async with _going_back(environment):
        # The gateway that cancels opens its first connection, so its check is struck as well.
        await _charge(environment, lost, at=OTHER_GATEWAY)
        await cancel_payment(environment, GATEWAY, charged, amount_krw=300, dies_at=moment)
    await _charge(environment, lost, at=OTHER_GATEWAY)
    await cancel_payment(environment, OTHER_GATEWAY, charged, amount_krw=300)
    await _recover(environment)


async def _running_schedules(environment: Environment, moment: int) -> None:
    """One scheduled payment was run, and the other one runs."""
    for in_s in (10, 20):
        await schedule_orders(environment, GATEWAY, [new_order(environment)], in_s=in_s)
    await environment.turn(11)
    async with _going_back(environment):
        await run_schedules(environment, WORKER)
        await environment.turn(10)
        await run_schedules(environment, WORKER, dies_at=moment)
    await environment.turn(_LEASE_OVER_S)
    await run_schedules(environment, OTHER_WORKER)
    await _recover(environment)


def _seconds_to_next_day(environment: Environment) -> float:
    now = environment.clock.now().astimezone(KST)
    day_ends = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day_ends - now).total_seconds() + 600


GOING_BACK_SCENARIOS: dict[str, Scenario] = {
    "database goes back, charge": _charging(),
    "database goes back, answer lost": _charging(effect="executed_answer_cut"),
    "database goes back, next day": _charging(is_next_day=True),
    "database goes back, cancel": _cancelling,
    "database goes back, scheduled payments": _running_schedules,
}

"""The operations of a history on scheduled payments: create, change, pause, run by two workers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Literal

from crash.environment import (
    CUSTOMER,
    GATEWAYS,
    WORKERS,
    Environment,
    ScheduleCall,
    amount,
    fate,
    new_order,
    perhaps_fault,
)
from crash.killable import Killed
from crash.node import Node
from crash.operations import charge_order, take_turn
from dasi.engine import Engine
from dasi.foundation.errors import Refused, Unavailable
from dasi.ledger import ChargeDetails, Payment
from dasi.scheduler import retry
from dasi.schedules import (
    NewSchedule,
    create_schedules,
    pause_schedules,
    reopen,
    reschedule,
    resume_schedules,
    revoke,
    set_retry_policy,
)

_DUE_IN_S = (5, 5, 20, 60, 3_000)
_CHECKING_KRW = 1_100


async def ask(
    environment: Environment,
    gateway: str,
    verb: str,
    orders: Sequence[str],
    act: Callable[[Engine], Awaitable[object]],
    *,
    dies_at: int | None = None,
) -> str:
    """Run an operation on scheduled payments at a gateway, and record and return its outcome."""

    async def at(node: Node) -> object:
        return await act(node.engine)

    match await environment.perform(gateway, verb, at, dies_at=dies_at):
        case Killed():
            outcome = "died"
        case Refused(reason=reason):
            outcome = reason
        case Unavailable():
            outcome = "unavailable"
        case _:
            outcome = "done"
    environment.schedule_calls.append(ScheduleCall(verb, tuple(orders), outcome))
    return outcome


async def schedule_orders(
    environment: Environment,
    gateway: str,
    orders: Sequence[str],
    *,
    in_s: float = 10,
    checking_krw: int = 0,
    dies_at: int | None = None,
) -> str:
    """Schedule all orders in one call."""
    requests = [
        NewSchedule(
            details=ChargeDetails(merchant_uid=order, amount_krw=amount(environment), name=order),
            schedule_at=environment.clock.now() + timedelta(seconds=in_s),
        )
        for order in orders
    ]

    def act(engine: Engine) -> Awaitable[object]:
        return create_schedules(
            engine,
            environment.merchant_id,
            customer_uid=CUSTOMER,
            customer_id=None,
            requests=requests,
            checking_amount_krw=checking_krw,
        )

    return await ask(environment, gateway, "create_schedules", orders, act, dies_at=dies_at)


Change = Literal["reschedule", "revoke", "reopen", "retry"]


async def change_schedule(
    environment: Environment,
    gateway: str,
    order: str,
    change: Change,
    *,
    dies_at: int | None = None,
) -> None:
    later = environment.clock.now() + timedelta(seconds=environment.dice.choice(_DUE_IN_S))

    def act(engine: Engine) -> Awaitable[object]:
        mine = environment.merchant_id
        match change:
            case "reschedule":
                return reschedule(engine, mine, order, schedule_at=later)
            case "reopen":
                return reopen(engine, mine, order, schedule_at=later)
            case "revoke":
                return revoke(engine, mine, customer_uid=None, merchant_uids=[order])
            case "retry":
                return retry(engine, mine, order)

    if change != "retry":
        await ask(environment, gateway, change, [order], act, dies_at=dies_at)
        return

    def retry_order(engine: Engine) -> Awaitable[Payment]:
        return retry(engine, environment.merchant_id, order)

    await environment.call(gateway, "retry", order, retry_order, dies_at=dies_at)
    environment.schedule_calls.append(
        ScheduleCall("retry", (order,), environment.call_results[-1].outcome)
    )


async def run_schedules(
    environment: Environment, worker: str, *, dies_at: int | None = None
) -> int:
    """Run one turn of a worker. While schedules are paused, none may begin."""
    begun = await take_turn(environment, worker, "run_schedules", dies_at=dies_at)
    if environment.is_paused:
        detail = f"{begun} scheduled payments began while they were stopped"
        environment.results.check("s stop holds", begun <= 0, detail, environment.seed)
    return begun


async def pause(environment: Environment, gateway: str, *, dies_at: int | None = None) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return pause_schedules(engine, None, reason="the simulation says so")

    outcome = await ask(environment, gateway, "pause_schedules", (), act, dies_at=dies_at)
    environment.is_paused = outcome == "done"


async def resume(environment: Environment, gateway: str, *, dies_at: int | None = None) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return resume_schedules(engine, None)

    environment.is_paused = False
    await ask(environment, gateway, "resume_schedules", (), act, dies_at=dies_at)


async def set_policy(environment: Environment, days: Sequence[int]) -> None:
    """Set the merchant's retry policy, or none."""
    await set_retry_policy(environment.nodes[GATEWAYS[0]].engine, environment.merchant_id, days)


def _known_orders(environment: Environment) -> list[str]:
    return sorted({order for call in environment.schedule_calls for order in call.orders})


async def schedule_some(environment: Environment) -> None:
    """Schedule one order or several, at times an existing one, or with a card verification."""
    dice = environment.dice
    orders = [new_order(environment) for _ in range(dice.choice([1, 1, 1, 2, 5]))]
    if dice.random() < 0.15 and (known := _known_orders(environment)):
        orders.append(dice.choice(known))
    checking_krw = _CHECKING_KRW if dice.random() < 0.2 else 0
    if checking_krw:
        await perhaps_fault(environment, dice.choice(["batch", "revise"]))
    await schedule_orders(
        environment,
        dice.choice(GATEWAYS),
        orders,
        in_s=dice.choice(_DUE_IN_S),
        checking_krw=checking_krw,
        dies_at=fate(environment),
    )


async def change_some(environment: Environment) -> None:
    """Change a scheduled payment while a worker may run it."""
    if not (known := _known_orders(environment)):
        return
    dice = environment.dice
    changes: list[Change] = ["reschedule", "revoke", "reopen", "retry", "retry"]
    order, change, gateway = dice.choice(known), dice.choice(changes), dice.choice(GATEWAYS)
    await perhaps_fault(environment, "batch")
    await environment.turn(dice.choice([0, 6]))
    await asyncio.gather(
        change_schedule(environment, gateway, order, change, dies_at=fate(environment)),
        run_schedules(environment, dice.choice(WORKERS), dies_at=fate(environment)),
    )


async def run_some(environment: Environment) -> None:
    """Let payments become due; both workers claim the same rows, and the PG may have a fault."""
    environment.results.happened["two workers at once"] += 1
    await perhaps_fault(environment, "batch")
    await environment.turn(environment.dice.choice([6, 21, 61, 130]))
    for _ in range(environment.dice.choice([1, 2])):
        await asyncio.gather(
            *(run_schedules(environment, worker, dies_at=fate(environment)) for worker in WORKERS)
        )


async def pause_and_resume(environment: Environment) -> None:
    """Pause the schedules and resume them after a while, or only in the calm."""
    await pause(environment, environment.dice.choice(GATEWAYS), dies_at=fate(environment))
    await run_some(environment)
    if environment.dice.random() < 0.8:
        await resume(environment, environment.dice.choice(GATEWAYS), dies_at=fate(environment))


async def pg_is_away(environment: Environment) -> None:
    """The PG is unreachable: scheduled payments wait, and none fails."""
    environment.results.faults["away"] += 1
    environment.go_away()
    await run_some(environment)
    await environment.turn(30)
    environment.come_back()


async def race_for_order(environment: Environment) -> None:
    """The merchant charges a scheduled order at the moment in which it is due."""
    order = new_order(environment)
    await schedule_orders(environment, GATEWAYS[0], [order], in_s=5)
    await perhaps_fault(environment, "batch")
    await environment.turn(6)
    both: list[Awaitable[Any]] = [
        charge_order(
            environment,
            GATEWAYS[1],
            order,
            requested_krw=amount(environment),
            dies_at=fate(environment),
        ),
        run_schedules(environment, WORKERS[0], dies_at=fate(environment)),
    ]
    await asyncio.gather(*both)


async def change_retry_policy(environment: Environment) -> None:
    await set_policy(environment, environment.dice.choice([(), (1,), (1, 2)]))


SCHEDULE_OPERATIONS: tuple[tuple[Callable[[Environment], Awaitable[None]], int], ...] = (
    (schedule_some, 5),
    (change_some, 3),
    (run_some, 4),
    (pause_and_resume, 1),
    (pg_is_away, 1),
    (race_for_order, 1),
    (change_retry_policy, 1),
)

"""What happens to scheduled payments in a history: created, changed, paused, run by two workers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Literal

from crash.environment import GATEWAYS, WORKERS, Asked, World
from crash.killable import Killed
from crash.node import Node
from crash.operations import (
    CUSTOMER,
    amount,
    charge_order,
    fate,
    new_order,
    perhaps_fault,
    take_turn,
)
from dasi.engine import Engine
from dasi.foundation.errors import Refused, Unavailable
from dasi.ledger import Payment
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
    world: World,
    gateway: str,
    verb: str,
    orders: Sequence[str],
    act: Callable[[Engine], Awaitable[object]],
    *,
    dies_at: int | None = None,
) -> str:
    """Lets a gateway do something about scheduled payments and remembers what the shop was told."""

    async def at(node: Node) -> object:
        return await act(node.engine)

    match await world.perform(gateway, verb, at, dies_at=dies_at):
        case Killed():
            outcome = "died"
        case Refused(reason=reason):
            outcome = reason
        case Unavailable():
            outcome = "unavailable"
        case _:
            outcome = "done"
    world.asked.append(Asked(verb, tuple(orders), outcome))
    return outcome


async def schedule_orders(
    world: World,
    gateway: str,
    orders: Sequence[str],
    *,
    in_s: float = 10,
    checking_krw: int = 0,
    dies_at: int | None = None,
) -> str:
    """All of these orders, or none of them."""
    requests = [
        NewSchedule(
            merchant_uid=order,
            schedule_at=world.clock.now() + timedelta(seconds=in_s),
            amount_krw=amount(world),
            name=order,
        )
        for order in orders
    ]

    def act(engine: Engine) -> Awaitable[object]:
        return create_schedules(
            engine,
            world.merchant_id,
            customer_uid=CUSTOMER,
            customer_id=None,
            requests=requests,
            checking_amount_krw=checking_krw,
        )

    return await ask(world, gateway, "create_schedules", orders, act, dies_at=dies_at)


Change = Literal["reschedule", "revoke", "reopen", "retry"]


async def change_schedule(
    world: World, gateway: str, order: str, change: Change, *, dies_at: int | None = None
) -> None:
    later = world.clock.now() + timedelta(seconds=world.dice.choice(_DUE_IN_S))

    def act(engine: Engine) -> Awaitable[object]:
        mine = world.merchant_id
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
        await ask(world, gateway, change, [order], act, dies_at=dies_at)
        return

    def tried(engine: Engine) -> Awaitable[Payment]:
        return retry(engine, world.merchant_id, order)

    await world.tell(gateway, "retry", order, tried, dies_at=dies_at)
    world.asked.append(Asked("retry", (order,), world.told[-1].outcome))


async def run_schedules(world: World, worker: str, *, dies_at: int | None = None) -> int:
    """One turn of one worker. While the switch is off, nothing may begin."""
    begun = await take_turn(world, worker, "run_schedules", dies_at=dies_at)
    if world.is_paused:
        told = f"{begun} scheduled payments began while they were stopped"
        world.tally.check("s stop holds", begun <= 0, told, world.seed)
    return begun


async def pause(world: World, gateway: str, *, dies_at: int | None = None) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return pause_schedules(engine, None, reason="the simulation says so")

    outcome = await ask(world, gateway, "pause_schedules", (), act, dies_at=dies_at)
    world.is_paused = outcome == "done"


async def resume(world: World, gateway: str, *, dies_at: int | None = None) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return resume_schedules(engine, None)

    world.is_paused = False
    await ask(world, gateway, "resume_schedules", (), act, dies_at=dies_at)


async def set_policy(world: World, days: Sequence[int]) -> None:
    """The merchant's plan of retries, or none."""
    await set_retry_policy(world.nodes[GATEWAYS[0]].engine, world.merchant_id, days)


def _known_orders(world: World) -> list[str]:
    return sorted({order for asked in world.asked for order in asked.orders})


async def schedule_some(world: World) -> None:
    """One charge or several; now and then one of an order that is taken, or with the card tried."""
    dice = world.dice
    orders = [new_order(world) for _ in range(dice.choice([1, 1, 1, 2, 5]))]
    if dice.random() < 0.15 and (known := _known_orders(world)):
        orders.append(dice.choice(known))
    checking_krw = _CHECKING_KRW if dice.random() < 0.2 else 0
    if checking_krw:
        await perhaps_fault(world, dice.choice(["batch", "revise"]))
    await schedule_orders(
        world,
        dice.choice(GATEWAYS),
        orders,
        in_s=dice.choice(_DUE_IN_S),
        checking_krw=checking_krw,
        dies_at=fate(world),
    )


async def change_some(world: World) -> None:
    """Something is changed about a scheduled payment, perhaps while a worker has it in hand."""
    if not (known := _known_orders(world)):
        return
    dice = world.dice
    changes: list[Change] = ["reschedule", "revoke", "reopen", "retry", "retry"]
    order, change, gateway = dice.choice(known), dice.choice(changes), dice.choice(GATEWAYS)
    await perhaps_fault(world, "batch")
    await world.turn(dice.choice([0, 6]))
    await asyncio.gather(
        change_schedule(world, gateway, order, change, dies_at=fate(world)),
        run_schedules(world, dice.choice(WORKERS), dies_at=fate(world)),
    )


async def run_some(world: World) -> None:
    """Time comes, and both workers reach for the same rows; perhaps the payer's PG loses them."""
    world.tally.happened["two workers at once"] += 1
    await perhaps_fault(world, "batch")
    await world.turn(world.dice.choice([6, 21, 61, 130]))
    for _ in range(world.dice.choice([1, 2])):
        await asyncio.gather(
            *(run_schedules(world, worker, dies_at=fate(world)) for worker in WORKERS)
        )


async def pause_and_resume(world: World) -> None:
    """Somebody pulls the switch; it stays pulled for a while, or until the calm."""
    await pause(world, world.dice.choice(GATEWAYS), dies_at=fate(world))
    await run_some(world)
    if world.dice.random() < 0.8:
        await resume(world, world.dice.choice(GATEWAYS), dies_at=fate(world))


async def pg_is_away(world: World) -> None:
    """Nobody listens at the PG: scheduled payments wait, and nothing of them has failed."""
    world.tally.faults["away"] += 1
    world.go_away()
    await run_some(world)
    await world.turn(30)
    world.come_back()


async def race_for_order(world: World) -> None:
    """A scheduled order is charged by the shop in the same moment in which it is due."""
    order = new_order(world)
    await schedule_orders(world, GATEWAYS[0], [order], in_s=5)
    await perhaps_fault(world, "batch")
    await world.turn(6)
    both: list[Awaitable[Any]] = [
        charge_order(world, GATEWAYS[1], order, asked_krw=amount(world), dies_at=fate(world)),
        run_schedules(world, WORKERS[0], dies_at=fate(world)),
    ]
    await asyncio.gather(*both)


async def change_retry_policy(world: World) -> None:
    await set_policy(world, world.dice.choice([(), (1,), (1, 2)]))


SCHEDULE_OPERATIONS: tuple[tuple[Callable[[World], Awaitable[None]], int], ...] = (
    (schedule_some, 5),
    (change_some, 3),
    (run_some, 4),
    (pause_and_resume, 1),
    (pg_is_away, 1),
    (race_for_order, 1),
    (change_retry_policy, 1),
)

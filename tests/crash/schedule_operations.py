"""What happens to booked charges in a history: booked, changed, stopped, run by two workers."""

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
    book,
    move,
    reschedule,
    resume_schedules,
    revoke,
    set_retry_plan,
    stop_schedules,
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
    """Lets a gateway do something about booked charges, and remembers what the shop was told."""

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


async def book_charges(
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
        return book(
            engine,
            world.merchant_id,
            customer_uid=CUSTOMER,
            customer_id=None,
            requests=requests,
            checking_amount_krw=checking_krw,
        )

    return await ask(world, gateway, "book", orders, act, dies_at=dies_at)


Change = Literal["move", "revoke", "reschedule", "retry"]


async def change_booking(
    world: World, gateway: str, order: str, change: Change, *, dies_at: int | None = None
) -> None:
    later = world.clock.now() + timedelta(seconds=world.dice.choice(_DUE_IN_S))

    def act(engine: Engine) -> Awaitable[object]:
        mine = world.merchant_id
        match change:
            case "move":
                return move(engine, mine, order, schedule_at=later)
            case "reschedule":
                return reschedule(engine, mine, order, schedule_at=later)
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
    if world.is_stopped:
        told = f"{begun} booked charges began while they were stopped"
        world.tally.check("s stop holds", begun <= 0, told, world.seed)
    return begun


async def stop(world: World, gateway: str, *, dies_at: int | None = None) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return stop_schedules(engine, None, why="the simulation says so")

    outcome = await ask(world, gateway, "stop_schedules", (), act, dies_at=dies_at)
    world.is_stopped = outcome == "done"


async def resume(world: World, gateway: str, *, dies_at: int | None = None) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return resume_schedules(engine, None)

    world.is_stopped = False
    await ask(world, gateway, "resume_schedules", (), act, dies_at=dies_at)


async def plan(world: World, days: Sequence[int]) -> None:
    """The merchant's plan of retries, or none."""
    await set_retry_plan(world.nodes[GATEWAYS[0]].engine, world.merchant_id, days)


def _booked(world: World) -> list[str]:
    return sorted({order for asked in world.asked for order in asked.orders})


async def book_some(world: World) -> None:
    """One charge or several; now and then one of an order that is taken, or with the card tried."""
    dice = world.dice
    orders = [new_order(world) for _ in range(dice.choice([1, 1, 1, 2, 5]))]
    if dice.random() < 0.15 and (known := _booked(world)):
        orders.append(dice.choice(known))
    checking_krw = _CHECKING_KRW if dice.random() < 0.2 else 0
    if checking_krw:
        await perhaps_fault(world, dice.choice(["batch", "revise"]))
    await book_charges(
        world,
        dice.choice(GATEWAYS),
        orders,
        in_s=dice.choice(_DUE_IN_S),
        checking_krw=checking_krw,
        dies_at=fate(world),
    )


async def change_some(world: World) -> None:
    """Something is changed about a booked charge, perhaps while a worker has it in hand."""
    if not (known := _booked(world)):
        return
    dice = world.dice
    changes: list[Change] = ["move", "revoke", "reschedule", "retry", "retry"]
    order, change, gateway = dice.choice(known), dice.choice(changes), dice.choice(GATEWAYS)
    await perhaps_fault(world, "batch")
    await world.turn(dice.choice([0, 6]))
    await asyncio.gather(
        change_booking(world, gateway, order, change, dies_at=fate(world)),
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


async def stop_and_resume(world: World) -> None:
    """Somebody pulls the switch; it stays pulled for a while, or until the calm."""
    await stop(world, world.dice.choice(GATEWAYS), dies_at=fate(world))
    await run_some(world)
    if world.dice.random() < 0.8:
        await resume(world, world.dice.choice(GATEWAYS), dies_at=fate(world))


async def pg_is_away(world: World) -> None:
    """Nobody listens at the PG: booked charges wait, and nothing of them has failed."""
    world.tally.faults["away"] += 1
    world.go_away()
    await run_some(world)
    await world.turn(30)
    world.come_back()


async def race_for_order(world: World) -> None:
    """A booked order is charged by the shop in the same moment in which it is due."""
    order = new_order(world)
    await book_charges(world, GATEWAYS[0], [order], in_s=5)
    await perhaps_fault(world, "batch")
    await world.turn(6)
    both: list[Awaitable[Any]] = [
        charge_order(world, GATEWAYS[1], order, asked_krw=amount(world), dies_at=fate(world)),
        run_schedules(world, WORKERS[0], dies_at=fate(world)),
    ]
    await asyncio.gather(*both)


async def plan_retries_some(world: World) -> None:
    await plan(world, world.dice.choice([(), (1,), (1, 2)]))


BOOKING_ACTS: tuple[tuple[Callable[[World], Awaitable[None]], int], ...] = (
    (book_some, 5),
    (change_some, 3),
    (run_some, 4),
    (stop_and_resume, 1),
    (pg_is_away, 1),
    (race_for_order, 1),
    (plan_retries_some, 1),
)

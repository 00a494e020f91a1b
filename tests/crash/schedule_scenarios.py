"""Scenes of scheduled payments for the sweep: each lets one act on them die at the given moment."""

from collections.abc import Awaitable, Callable, Sequence

from crash.environment import Asked, World
from crash.operations import CUSTOMER, charge_order, new_order, pay_in_window, take_turn
from crash.schedule_operations import (
    Change,
    ask,
    change_schedule,
    pause,
    resume,
    run_schedules,
    schedule_orders,
    set_policy,
)
from dasi.billing_keys import delete_key
from dasi.engine import Engine
from dasi.schedules import revoke, revoke_of_deleted_key

GATEWAY, OTHER_GATEWAY, WORKER, OTHER_WORKER = "gateway-a", "gateway-b", "worker-a", "worker-b"
_LEASE_OVER_S = 130

Scene = Callable[[World, int], Awaitable[None]]


def _creating(count: int, *, checking_krw: int = 0, effect: tuple[str, str] | None = None) -> Scene:
    """Scheduled, and scheduled again by a shop that was told nothing."""

    async def scene(world: World, moment: int) -> None:
        if effect:
            await world.fault(*effect)
        orders = [new_order(world) for _ in range(count)]
        await schedule_orders(world, GATEWAY, orders, checking_krw=checking_krw, dies_at=moment)
        await world.end_faults()
        await schedule_orders(world, OTHER_GATEWAY, orders)

    return scene


def _running(effect: str | None = None, *, days: tuple[int, ...] = ()) -> Scene:
    """Due, and its worker dies; another one takes it over when the lease is over."""

    async def scene(world: World, moment: int) -> None:
        await set_policy(world, days)
        await schedule_orders(world, GATEWAY, [new_order(world)])
        if effect:
            await world.fault("batch", effect)
        await world.turn(11)
        await run_schedules(world, WORKER, dies_at=moment)
        await world.end_faults()
        await world.turn(_LEASE_OVER_S)
        await run_schedules(world, OTHER_WORKER)

    return scene


async def _planning_retries(world: World, moment: int) -> None:
    """Two were declined, of which the plan of retries may try one again."""
    await set_policy(world, (1,))
    for code in ("8521", "8040"):
        await schedule_orders(world, GATEWAY, [new_order(world)])
        await world.fault("batch", "refused", code=code)
        await world.turn(11)
        await run_schedules(world, WORKER)
    await take_turn(world, WORKER, "schedule_retries", dies_at=moment)
    await take_turn(world, OTHER_WORKER, "schedule_retries")


def _in_doubt(effect: str, *, after_s: float) -> Scene:
    """Its charge was in doubt, the doubt has ended, and the worker that finishes it dies."""

    async def scene(world: World, moment: int) -> None:
        await schedule_orders(world, GATEWAY, [new_order(world)])
        await world.fault("batch", effect)
        await world.turn(11)
        await run_schedules(world, WORKER)
        await world.turn(after_s)
        await take_turn(world, WORKER, "resolve_due")
        await world.turn(_LEASE_OVER_S)
        await run_schedules(world, WORKER, dies_at=moment)
        await world.turn(2 * _LEASE_OVER_S)
        await run_schedules(world, OTHER_WORKER)

    return scene


async def _taken(world: World, moment: int) -> None:
    """The shop has charged the order itself before its time came."""
    order = new_order(world)
    await schedule_orders(world, GATEWAY, [order])
    await charge_order(world, OTHER_GATEWAY, order, asked_krw=1_500)
    await world.turn(11)
    await run_schedules(world, WORKER, dies_at=moment)
    await world.turn(_LEASE_OVER_S)
    await run_schedules(world, OTHER_WORKER)


async def _while_away(world: World, moment: int) -> None:
    """The PG is gone when it is due, and is back later; the worker dies in between."""
    await schedule_orders(world, GATEWAY, [new_order(world)])
    await world.turn(11)
    world.go_away()
    await run_schedules(world, WORKER, dies_at=moment)
    world.come_back()
    await world.turn(_LEASE_OVER_S)
    await run_schedules(world, OTHER_WORKER)


async def _goes_away(world: World, moment: int) -> None:
    """The PG was heard a moment ago and is gone now: the charge never leaves the machine."""
    await schedule_orders(world, GATEWAY, [new_order(world)])
    await schedule_orders(world, GATEWAY, [new_order(world)], in_s=12)
    await world.turn(11)
    await run_schedules(world, WORKER)
    await world.turn(2)
    world.go_away()
    await run_schedules(world, WORKER, dies_at=moment)
    world.come_back()
    await world.turn(_LEASE_OVER_S)
    await run_schedules(world, OTHER_WORKER)


def _changing(change: Change, *, declined: bool = False, effect: str | None = None) -> Scene:
    """Something is changed about a scheduled payment by a gateway that dies and then by another."""

    async def scene(world: World, moment: int) -> None:
        order = new_order(world)
        await schedule_orders(world, GATEWAY, [order], in_s=10 if declined else 500)
        if declined:
            await world.fault("batch", "refused")
            await world.turn(11)
            await run_schedules(world, WORKER)
        if effect == "away":
            world.go_away()
        elif effect:
            await world.fault("batch", effect)
        await change_schedule(world, GATEWAY, order, change, dies_at=moment)
        world.come_back()
        await world.end_faults()
        await world.turn(_LEASE_OVER_S)
        await run_schedules(world, OTHER_WORKER)
        await change_schedule(world, OTHER_GATEWAY, order, change)

    return scene


async def _revoking_all(world: World, moment: int) -> None:
    """All that waits for one card."""
    orders = [new_order(world) for _ in range(3)]
    await schedule_orders(world, GATEWAY, orders, in_s=500)

    await _revoke_all(world, GATEWAY, orders, dies_at=moment)
    await _revoke_all(world, OTHER_GATEWAY, orders)


async def _revoke_all(
    world: World, gateway: str, orders: Sequence[str], *, dies_at: int | None = None
) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return revoke(engine, world.merchant_id, customer_uid=CUSTOMER, merchant_uids=())

    await ask(world, gateway, "revoke", orders, act, dies_at=dies_at)


async def _removing_key(world: World, moment: int) -> None:
    """The key goes, and what was scheduled on it with it, in one act (B5)."""
    orders = [new_order(world), new_order(world)]
    await schedule_orders(world, GATEWAY, orders, in_s=500)
    world.asked.append(Asked("delete_key", (), "done"))
    await world.perform(
        GATEWAY,
        "delete_key",
        lambda node: delete_key(
            node.engine, world.merchant_id, CUSTOMER, also=revoke_of_deleted_key
        ),
        dies_at=moment,
    )
    await _revoke_all(world, OTHER_GATEWAY, orders)
    await pay_in_window(world, OTHER_GATEWAY, customer_uid=CUSTOMER)


async def _without_key(world: World, moment: int) -> None:
    """The key went past the act that revokes: the charge is revoked when it is due."""
    await schedule_orders(world, GATEWAY, [new_order(world)])
    world.asked.append(Asked("delete_key", (), "done"))
    await world.perform(
        GATEWAY,
        "delete_key",
        lambda node: delete_key(node.engine, world.merchant_id, CUSTOMER),
    )
    await world.turn(11)
    await run_schedules(world, WORKER, dies_at=moment)
    await world.turn(_LEASE_OVER_S)
    await run_schedules(world, OTHER_WORKER)
    await pay_in_window(world, OTHER_GATEWAY, customer_uid=CUSTOMER)


async def _stopping(world: World, moment: int) -> None:
    """The switch is pulled, nothing begins, and it is released again, by somebody who dies."""
    await schedule_orders(world, GATEWAY, [new_order(world)])
    await pause(world, GATEWAY, dies_at=moment)
    await world.turn(11)
    await run_schedules(world, WORKER)
    await resume(world, OTHER_GATEWAY, dies_at=moment)
    await resume(world, GATEWAY)
    await run_schedules(world, OTHER_WORKER)


async def _giving_back(world: World, moment: int) -> None:
    """A card was tried and its answer lost; the worker that gives the money back dies."""
    await world.fault("revise", "cut_before_processing")
    await schedule_orders(world, GATEWAY, [new_order(world)], in_s=500, checking_krw=1_100)
    await world.turn(2_400)
    await take_turn(world, WORKER, "resolve_due")
    await take_turn(world, WORKER, "refund_verifications", dies_at=moment)
    await world.turn(700)
    await take_turn(world, OTHER_WORKER, "refund_verifications")


SCHEDULE_SCENARIOS: dict[str, Scene] = {
    "schedule": _creating(1),
    "schedule of many": _creating(5),
    "schedule with the card tried": _creating(1, checking_krw=1_100),
    "schedule with the card tried, answer lost": _creating(
        2, checking_krw=1_100, effect=("batch", "executed_answer_cut")
    ),
    "schedule with the card tried, not given back": _creating(
        1, checking_krw=1_100, effect=("revise", "cut_before_processing")
    ),
    "schedule with the card tried, declined": _creating(
        1, checking_krw=1_100, effect=("batch", "refused")
    ),
    "card tried is given back by the worker": _giving_back,
    "scheduled payment": _running(),
    "scheduled payment, answer lost": _running("executed_answer_cut"),
    "scheduled payment, request lost": _running("cut_before_processing"),
    "scheduled payment, declined": _running("refused", days=(1, 3)),
    "scheduled payment, retries planned": _planning_retries,
    "scheduled payment, late approval kept": _in_doubt("executed_answer_cut", after_s=3),
    "scheduled payment, attempt not found": _in_doubt("cut_before_processing", after_s=2_400),
    "scheduled payment of an order that is taken": _taken,
    "scheduled payment while KICC is away": _while_away,
    "scheduled payment when KICC goes away": _goes_away,
    "scheduled payment is moved": _changing("reschedule"),
    "scheduled payment is revoked": _changing("revoke"),
    "scheduled payment is scheduled again": _changing("reopen", declined=True),
    "scheduled payment is retried": _changing("retry", declined=True),
    "scheduled payment is retried, answer lost": _changing(
        "retry", declined=True, effect="executed_answer_cut"
    ),
    "scheduled payment is retried, KICC away": _changing("retry", declined=True, effect="away"),
    "scheduled payments of a card are revoked": _revoking_all,
    "key removal with scheduled payments": _removing_key,
    "scheduled payment without a key": _without_key,
    "stop switch": _stopping,
}

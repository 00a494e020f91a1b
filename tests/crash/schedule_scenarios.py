"""Scenes of booked charges for the sweep: each lets one act on them die at the given moment."""

from collections.abc import Awaitable, Callable, Sequence

from crash.environment import Asked, World
from crash.operations import CUSTOMER, charge_order, new_order, pay_in_window, take_turn
from crash.schedule_operations import (
    Change,
    ask,
    book_charges,
    change_booking,
    plan,
    resume,
    run_schedules,
    stop,
)
from dasi.billing_keys import remove_key
from dasi.engine import Engine
from dasi.schedules import revoke, revoke_of_removed_key

GATEWAY, OTHER_GATEWAY, WORKER, OTHER_WORKER = "gateway-a", "gateway-b", "worker-a", "worker-b"
_LEASE_OVER_S = 130

Scene = Callable[[World, int], Awaitable[None]]


def _booking(count: int, *, checking_krw: int = 0, effect: tuple[str, str] | None = None) -> Scene:
    """Booked, and booked again by a shop that was told nothing."""

    async def scene(world: World, moment: int) -> None:
        if effect:
            await world.fault(*effect)
        orders = [new_order(world) for _ in range(count)]
        await book_charges(world, GATEWAY, orders, checking_krw=checking_krw, dies_at=moment)
        await world.end_faults()
        await book_charges(world, OTHER_GATEWAY, orders)

    return scene


def _running(effect: str | None = None, *, days: tuple[int, ...] = ()) -> Scene:
    """Due, and its worker dies; another one takes it over when the lease is over."""

    async def scene(world: World, moment: int) -> None:
        await plan(world, days)
        await book_charges(world, GATEWAY, [new_order(world)])
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
    await plan(world, (1,))
    for code in ("8521", "8040"):
        await book_charges(world, GATEWAY, [new_order(world)])
        await world.fault("batch", "refused", code=code)
        await world.turn(11)
        await run_schedules(world, WORKER)
    await take_turn(world, WORKER, "plan_retries", dies_at=moment)
    await take_turn(world, OTHER_WORKER, "plan_retries")


def _in_doubt(effect: str, *, after_s: float) -> Scene:
    """Its charge was in doubt, the doubt has ended, and the worker that finishes it dies."""

    async def scene(world: World, moment: int) -> None:
        await book_charges(world, GATEWAY, [new_order(world)])
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
    await book_charges(world, GATEWAY, [order])
    await charge_order(world, OTHER_GATEWAY, order, asked_krw=1_500)
    await world.turn(11)
    await run_schedules(world, WORKER, dies_at=moment)
    await world.turn(_LEASE_OVER_S)
    await run_schedules(world, OTHER_WORKER)


async def _while_away(world: World, moment: int) -> None:
    """The PG is gone when it is due, and is back later; the worker dies in between."""
    await book_charges(world, GATEWAY, [new_order(world)])
    await world.turn(11)
    world.go_away()
    await run_schedules(world, WORKER, dies_at=moment)
    world.come_back()
    await world.turn(_LEASE_OVER_S)
    await run_schedules(world, OTHER_WORKER)


async def _goes_away(world: World, moment: int) -> None:
    """The PG was heard a moment ago and is gone now: the charge never leaves the machine."""
    await book_charges(world, GATEWAY, [new_order(world)])
    await book_charges(world, GATEWAY, [new_order(world)], in_s=12)
    await world.turn(11)
    await run_schedules(world, WORKER)
    await world.turn(2)
    world.go_away()
    await run_schedules(world, WORKER, dies_at=moment)
    world.come_back()
    await world.turn(_LEASE_OVER_S)
    await run_schedules(world, OTHER_WORKER)


def _changing(change: Change, *, declined: bool = False, effect: str | None = None) -> Scene:
    """Something is changed about a booked charge, by a gateway that dies and then by another."""

    async def scene(world: World, moment: int) -> None:
        order = new_order(world)
        await book_charges(world, GATEWAY, [order], in_s=10 if declined else 500)
        if declined:
            await world.fault("batch", "refused")
            await world.turn(11)
            await run_schedules(world, WORKER)
        if effect == "away":
            world.go_away()
        elif effect:
            await world.fault("batch", effect)
        await change_booking(world, GATEWAY, order, change, dies_at=moment)
        world.come_back()
        await world.end_faults()
        await world.turn(_LEASE_OVER_S)
        await run_schedules(world, OTHER_WORKER)
        await change_booking(world, OTHER_GATEWAY, order, change)

    return scene


async def _revoking_all(world: World, moment: int) -> None:
    """All that waits for one card."""
    orders = [new_order(world) for _ in range(3)]
    await book_charges(world, GATEWAY, orders, in_s=500)

    await _revoke_all(world, GATEWAY, orders, dies_at=moment)
    await _revoke_all(world, OTHER_GATEWAY, orders)


async def _revoke_all(
    world: World, gateway: str, orders: Sequence[str], *, dies_at: int | None = None
) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return revoke(engine, world.merchant_id, customer_uid=CUSTOMER, merchant_uids=())

    await ask(world, gateway, "revoke", orders, act, dies_at=dies_at)


async def _removing_key(world: World, moment: int) -> None:
    """The key goes, and what was booked on it with it, in one act (B5)."""
    orders = [new_order(world), new_order(world)]
    await book_charges(world, GATEWAY, orders, in_s=500)
    world.asked.append(Asked("remove_key", (), "done"))
    await world.perform(
        GATEWAY,
        "remove_key",
        lambda node: remove_key(
            node.engine, world.merchant_id, CUSTOMER, also=revoke_of_removed_key
        ),
        dies_at=moment,
    )
    await _revoke_all(world, OTHER_GATEWAY, orders)
    await pay_in_window(world, OTHER_GATEWAY, customer_uid=CUSTOMER)


async def _without_key(world: World, moment: int) -> None:
    """The key went past the act that revokes: the charge is revoked when it is due."""
    await book_charges(world, GATEWAY, [new_order(world)])
    world.asked.append(Asked("remove_key", (), "done"))
    await world.perform(
        GATEWAY,
        "remove_key",
        lambda node: remove_key(node.engine, world.merchant_id, CUSTOMER),
    )
    await world.turn(11)
    await run_schedules(world, WORKER, dies_at=moment)
    await world.turn(_LEASE_OVER_S)
    await run_schedules(world, OTHER_WORKER)
    await pay_in_window(world, OTHER_GATEWAY, customer_uid=CUSTOMER)


async def _stopping(world: World, moment: int) -> None:
    """The switch is pulled, nothing begins, and it is released again, by somebody who dies."""
    await book_charges(world, GATEWAY, [new_order(world)])
    await stop(world, GATEWAY, dies_at=moment)
    await world.turn(11)
    await run_schedules(world, WORKER)
    await resume(world, OTHER_GATEWAY, dies_at=moment)
    await resume(world, GATEWAY)
    await run_schedules(world, OTHER_WORKER)


async def _giving_back(world: World, moment: int) -> None:
    """A card was tried and its answer lost; the worker that gives the money back dies."""
    await world.fault("revise", "cut_before_processing")
    await book_charges(world, GATEWAY, [new_order(world)], in_s=500, checking_krw=1_100)
    await world.turn(2_400)
    await take_turn(world, WORKER, "resolve_due")
    await take_turn(world, WORKER, "give_back_checks", dies_at=moment)
    await world.turn(700)
    await take_turn(world, OTHER_WORKER, "give_back_checks")


BOOKING_SCENES: dict[str, Scene] = {
    "booking": _booking(1),
    "booking of many": _booking(5),
    "booking with the card tried": _booking(1, checking_krw=1_100),
    "booking with the card tried, answer lost": _booking(
        2, checking_krw=1_100, effect=("batch", "executed_answer_cut")
    ),
    "booking with the card tried, not given back": _booking(
        1, checking_krw=1_100, effect=("revise", "cut_before_processing")
    ),
    "booking with the card tried, declined": _booking(
        1, checking_krw=1_100, effect=("batch", "refused")
    ),
    "card tried is given back by the worker": _giving_back,
    "booked charge": _running(),
    "booked charge, answer lost": _running("executed_answer_cut"),
    "booked charge, request lost": _running("cut_before_processing"),
    "booked charge, declined": _running("refused", days=(1, 3)),
    "booked charge, retries planned": _planning_retries,
    "booked charge, late approval kept": _in_doubt("executed_answer_cut", after_s=3),
    "booked charge, attempt not found": _in_doubt("cut_before_processing", after_s=2_400),
    "booked charge of an order that is taken": _taken,
    "booked charge while KICC is away": _while_away,
    "booked charge when KICC goes away": _goes_away,
    "booked charge is moved": _changing("move"),
    "booked charge is revoked": _changing("revoke"),
    "booked charge is booked again": _changing("reschedule", declined=True),
    "booked charge is retried": _changing("retry", declined=True),
    "booked charge is retried, answer lost": _changing(
        "retry", declined=True, effect="executed_answer_cut"
    ),
    "booked charge is retried, KICC away": _changing("retry", declined=True, effect="away"),
    "booked charges of a card are revoked": _revoking_all,
    "key removal with booked charges": _removing_key,
    "booked charge without a key": _without_key,
    "stop switch": _stopping,
}

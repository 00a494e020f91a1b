"""The sweep: each verb dies at its first moment, then at its second, until it outlives them all.

A history that rolls dice dies here and there; the sweep dies everywhere, on good days and with each
kind of lost answer. One world a sweep: an order for each death, one calm at the end, all promises.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from crash.environment import World
from crash.history import Stage, calm_down, opened_world
from crash.invariants import check_all, check_never_twice
from crash.operations import (
    CUSTOMER,
    cancel_payment,
    charge_order,
    deliver_notice,
    new_order,
    pay_in_window,
    take_turn,
)
from crash.scenarios import MORE_SCENES
from crash.schedule_scenarios import SCHEDULE_SCENARIOS
from dasi.billing_keys import delete_key

DEATHS_MAX = 250
GATEWAY, WORKER = "gateway-a", "worker-a"

Scene = Callable[[World, int], Awaitable[None]]
"""Sets the stage for one death and lets it come at the given moment."""


@dataclass(frozen=True)
class Sweep:
    scene: Scene
    world: dict[str, Any] = field(default_factory=dict)


async def run_sweep(stage: Stage, name: str, *, step: int = 1) -> int:
    """How many deaths it took. A verb that never gets through is a failure of the sweep.

    `step` above 1 leaves moments out: each name begins at another one.
    """
    sweep = SWEEPS[name]
    settings = {"inline_lookup_delay_s": 0, "late_approval_policy": "keep", **sweep.world}
    async with opened_world(stage, 1, f'SWEEP="{name}" RUNS=0', **settings) as world:
        deaths = await _die_everywhere(world, sweep.scene, step)
        await calm_down(world)
        await check_all(world)
    stage.tally.histories += 1
    return deaths


async def _die_everywhere(world: World, scene: Scene, step: int) -> int:
    first = 1 + crc32(world.seed.encode()) % step
    for deaths, moment in enumerate(range(first, DEATHS_MAX, step)):
        before = sum(world.tally.deaths.values())
        await scene(world, moment)
        await check_never_twice(world)
        if sum(world.tally.deaths.values()) == before:
            return deaths
    world.tally.check("no bug", False, f"still dying after {DEATHS_MAX} moments", world.seed)
    return DEATHS_MAX


def _charging(effect: str | None) -> Scene:
    async def scene(world: World, moment: int) -> None:
        if effect:
            await world.fault("batch", effect)
        order = new_order(world)
        await charge_order(world, GATEWAY, order, asked_krw=1_500, dies_at=moment)
        await world.end_faults()
        await charge_order(world, "gateway-b", order, asked_krw=1_500)

    return scene


def _cancelling(effect: str | None, part: int | None) -> Scene:
    async def scene(world: World, moment: int) -> None:
        order = new_order(world)
        await charge_order(world, GATEWAY, order, asked_krw=1_500)
        told = world.told[-1]
        if effect:
            await world.fault("revise", effect)
        await cancel_payment(world, GATEWAY, told, amount_krw=part, dies_at=moment)
        await world.end_faults()
        await cancel_payment(world, "gateway-b", told, amount_krw=part)

    return scene


def _in_window(effect: str | None, *, is_key: bool = False, choice: str = "approve") -> Scene:
    async def scene(world: World, moment: int) -> None:
        if effect:
            await world.fault("approval", effect)
        uid = CUSTOMER if is_key else None
        await pay_in_window(world, GATEWAY, customer_uid=uid, choice=choice, dies_at=moment)
        await world.end_faults()

    return scene


def _looking(effect: str, *, after_s: float, endpoint: str = "batch") -> Scene:
    """The worker dies while it settles a doubt."""

    async def scene(world: World, moment: int) -> None:
        order = new_order(world)
        if endpoint == "batch":
            await world.fault("batch", effect)
        await charge_order(world, GATEWAY, order, asked_krw=1_500)
        if endpoint == "revise":
            await world.fault("revise", effect)
            await cancel_payment(world, GATEWAY, world.told[-1], amount_krw=None)
        await world.turn(after_s)
        await take_turn(world, WORKER, "resolve_due", dies_at=moment)
        await _another_worker(world, "resolve_due")

    return scene


async def _another_worker(world: World, verb: str) -> None:
    """Takes over once the dead one's lease is over, so that the next death starts afresh."""
    await world.turn(100)
    await take_turn(world, "worker-b", verb)


async def _noticing(world: World, moment: int) -> None:
    await world.fault("batch", "executed_answer_cut")
    await charge_order(world, GATEWAY, new_order(world), asked_krw=1_500)
    await world.kicc.notices(is_quiet=True)
    content_type, body = world.merchant_side.notices[-1]
    await deliver_notice(world, content_type, body, dies_at=moment)


async def _ending_keys(world: World, moment: int) -> None:
    await world.perform(
        GATEWAY,
        "delete_key",
        lambda node: delete_key(node.engine, world.merchant_id, CUSTOMER),
        dies_at=moment,
    )
    await pay_in_window(world, "gateway-b", customer_uid=CUSTOMER)


async def _ending_due_keys(world: World, moment: int) -> None:
    await pay_in_window(world, GATEWAY, customer_uid=CUSTOMER)
    await world.turn(100)
    await take_turn(world, WORKER, "delete_due_keys", dies_at=moment)
    await _another_worker(world, "delete_due_keys")


async def _delivering(world: World, moment: int) -> None:
    await charge_order(world, GATEWAY, new_order(world), asked_krw=1_500)
    await cancel_payment(world, GATEWAY, world.told[-1], amount_krw=300)
    await world.turn(100)
    await take_turn(world, WORKER, "deliver", dies_at=moment)
    await _another_worker(world, "deliver")


async def _expiring(world: World, moment: int) -> None:
    await pay_in_window(world, GATEWAY, choice="approve", returns=0)
    await world.turn(2_000)
    await take_turn(world, WORKER, "expire_windows", dies_at=moment)


_SETTINGS: dict[str, dict[str, Any]] = {"charge without a free connection": {"pg_connections": 1}}

SWEEPS: dict[str, Sweep] = {
    "charge": Sweep(_charging(None)),
    "charge, answer lost": Sweep(_charging("executed_answer_cut")),
    "charge, request lost": Sweep(_charging("cut_before_processing")),
    "charge, declined": Sweep(_charging("refused")),
    "charge, answer lost, looked at once": Sweep(
        _charging("executed_answer_cut"), {"inline_lookup_delay_s": 0.001}
    ),
    "cancel": Sweep(_cancelling(None, None)),
    "cancel of a part": Sweep(_cancelling(None, 300)),
    "cancel of a part, answer lost": Sweep(_cancelling("executed_answer_cut", 300)),
    "cancel, request lost": Sweep(_cancelling("cut_before_processing", None)),
    "cancel, answer lost, looked at once": Sweep(
        _cancelling("executed_answer_cut", 300), {"inline_lookup_delay_s": 0.001}
    ),
    "window": Sweep(_in_window(None)),
    "window, answer lost": Sweep(_in_window("executed_truncated_json")),
    "window, payer cancels": Sweep(_in_window(None, choice="cancel")),
    "key issue": Sweep(_in_window(None, is_key=True)),
    "key issue, answer lost": Sweep(_in_window("executed_answer_cut", is_key=True)),
    "late approval kept": Sweep(_looking("executed_answer_cut", after_s=3)),
    "late approval reversed": Sweep(
        _looking("executed_answer_cut", after_s=400), {"late_approval_policy": "cancel"}
    ),
    "unresolved attempt not found": Sweep(_looking("cut_before_processing", after_s=2_400)),
    "cancel in doubt": Sweep(_looking("executed_answer_cut", after_s=3, endpoint="revise")),
    "cancel not found": Sweep(_looking("cut_before_processing", after_s=2_400, endpoint="revise")),
    "notice": Sweep(_noticing),
    "key removal": Sweep(_ending_keys),
    "key removal by the worker": Sweep(_ending_due_keys),
    "delivery": Sweep(_delivering),
    "windows expire": Sweep(_expiring),
    **{name: Sweep(scene, _SETTINGS.get(name, {})) for name, scene in MORE_SCENES.items()},
    **{name: Sweep(scene) for name, scene in SCHEDULE_SCENARIOS.items()},
}

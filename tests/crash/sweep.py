"""The sweep: each verb dies at its first moment, then at its second, until it outlives them all.

A random history dies at some moments; the sweep dies at every moment, with and without each kind of
lost answer. A sweep has one environment with an order for each death, and checks all promises after
a calm.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from crash.environment import CUSTOMER, Environment, new_order
from crash.going_back import GOING_BACK_SCENARIOS
from crash.history import Stage, calm_down, opened_environment
from crash.invariants import check_all, check_money, check_never_twice
from crash.operations import cancel_payment, charge_order, deliver_notification, take_turn
from crash.scenarios import MORE_SCENARIOS
from crash.schedule_scenarios import SCHEDULE_SCENARIOS
from crash.window_operations import pay_in_window
from dasi.billing_keys import delete_key

DEATHS_MAX = 250
GATEWAY, WORKER = "gateway-a", "worker-a"

Scenario = Callable[[Environment, int], Awaitable[None]]
"""Prepares one death and lets it come at a moment."""


@dataclass(frozen=True)
class Sweep:
    scenario: Scenario
    environment: dict[str, Any] = field(default_factory=dict)
    check: Callable[[Environment], Awaitable[None]] = check_all


async def run_sweep(stage: Stage, name: str, *, step: int = 1) -> int:
    """Run a sweep and return its number of deaths. A verb that never ends is a violation.

    A `step` above 1 skips moments: each name begins at another one.
    """
    sweep = SWEEPS[name]
    settings = {"inline_lookup_delay_s": 0, "late_approval_policy": "keep", **sweep.environment}
    async with opened_environment(stage, 1, f'SWEEP="{name}" RUNS=0', **settings) as environment:
        deaths = await _die_everywhere(environment, sweep.scenario, step)
        await calm_down(environment)
        await sweep.check(environment)
    stage.results.histories += 1
    return deaths


async def _die_everywhere(environment: Environment, scenario: Scenario, step: int) -> int:
    first = 1 + crc32(environment.seed.encode()) % step
    for deaths, moment in enumerate(range(first, DEATHS_MAX, step)):
        before = environment.results.interruptions
        await scenario(environment, moment)
        await check_never_twice(environment)
        if environment.results.interruptions == before:
            return deaths
    environment.results.check(
        "no bug", False, f"still dying after {DEATHS_MAX} moments", environment.seed
    )
    return DEATHS_MAX


def _charging(effect: str | None) -> Scenario:
    async def scenario(environment: Environment, moment: int) -> None:
        if effect:
            await environment.fault("batch", effect)
        order = new_order(environment)
        await charge_order(environment, GATEWAY, order, requested_krw=1_500, dies_at=moment)
        await environment.end_faults()
        await charge_order(environment, "gateway-b", order, requested_krw=1_500)

    return scenario


def _cancelling(effect: str | None, part: int | None) -> Scenario:
    async def scenario(environment: Environment, moment: int) -> None:
        order = new_order(environment)
        await charge_order(environment, GATEWAY, order, requested_krw=1_500)
        charged = environment.call_results[-1]
        if effect:
            await environment.fault("revise", effect)
        await cancel_payment(environment, GATEWAY, charged, amount_krw=part, dies_at=moment)
        await environment.end_faults()
        await cancel_payment(environment, "gateway-b", charged, amount_krw=part)

    return scenario


def _in_window(effect: str | None, *, is_key: bool = False, choice: str = "approve") -> Scenario:
    async def scenario(environment: Environment, moment: int) -> None:
        if effect:
            await environment.fault("approval", effect)
        uid = CUSTOMER if is_key else None
        await pay_in_window(environment, GATEWAY, customer_uid=uid, choice=choice, dies_at=moment)
        await environment.end_faults()

    return scenario


def _looking(effect: str, *, after_s: float, endpoint: str = "batch") -> Scenario:
    """The worker dies while it resolves an attempt."""

    async def scenario(environment: Environment, moment: int) -> None:
        order = new_order(environment)
        if endpoint == "batch":
            await environment.fault("batch", effect)
        await charge_order(environment, GATEWAY, order, requested_krw=1_500)
        if endpoint == "revise":
            await environment.fault("revise", effect)
            await cancel_payment(
                environment, GATEWAY, environment.call_results[-1], amount_krw=None
            )
        await environment.turn(after_s)
        await take_turn(environment, WORKER, "resolve_due", dies_at=moment)
        await _another_worker(environment, "resolve_due")

    return scenario


async def _another_worker(environment: Environment, verb: str) -> None:
    """Another worker takes over after the lease, so that the next death starts afresh."""
    await environment.turn(100)
    await take_turn(environment, "worker-b", verb)


async def _noticing(environment: Environment, moment: int) -> None:
    await environment.fault("batch", "executed_answer_cut")
    await charge_order(environment, GATEWAY, new_order(environment), requested_krw=1_500)
    await environment.kicc.notices(is_quiet=True)
    content_type, body = environment.merchant_side.notifications[-1]
    await deliver_notification(environment, content_type, body, dies_at=moment)


async def _ending_keys(environment: Environment, moment: int) -> None:
    await environment.perform(
        GATEWAY,
        "delete_key",
        lambda node: delete_key(node.engine, environment.merchant_id, CUSTOMER),
        dies_at=moment,
    )
    await pay_in_window(environment, "gateway-b", customer_uid=CUSTOMER)


async def _ending_due_keys(environment: Environment, moment: int) -> None:
    await pay_in_window(environment, GATEWAY, customer_uid=CUSTOMER)
    await environment.turn(100)
    await take_turn(environment, WORKER, "delete_due_keys", dies_at=moment)
    await _another_worker(environment, "delete_due_keys")


async def _delivering(environment: Environment, moment: int) -> None:
    await charge_order(environment, GATEWAY, new_order(environment), requested_krw=1_500)
    await cancel_payment(environment, GATEWAY, environment.call_results[-1], amount_krw=300)
    await environment.turn(100)
    await take_turn(environment, WORKER, "deliver", dies_at=moment)
    await _another_worker(environment, "deliver")


async def _expiring(environment: Environment, moment: int) -> None:
    await pay_in_window(environment, GATEWAY, choice="approve", returns=0)
    await environment.turn(2_000)
    await take_turn(environment, WORKER, "expire_windows", dies_at=moment)


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
    **{name: Sweep(scenario, _SETTINGS.get(name, {})) for name, scenario in MORE_SCENARIOS.items()},
    **{name: Sweep(scenario) for name, scenario in SCHEDULE_SCENARIOS.items()},
    **{name: Sweep(scenario, check=check_money) for name, scenario in GOING_BACK_SCENARIOS.items()},
}

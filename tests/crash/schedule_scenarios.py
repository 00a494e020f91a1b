"""Scenarios of scheduled payments: each lets one operation on them die at a moment."""

from collections.abc import Awaitable, Callable, Sequence

from crash.environment import CUSTOMER, Environment, ScheduleCall, new_order
from crash.operations import charge_order, take_turn
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
from crash.window_operations import pay_in_window
from dasi.billing_keys import delete_key
from dasi.engine import Engine
from dasi.schedules import revoke, revoke_of_deleted_key

GATEWAY, OTHER_GATEWAY, WORKER, OTHER_WORKER = "gateway-a", "gateway-b", "worker-a", "worker-b"
_LEASE_OVER_S = 130

Scenario = Callable[[Environment, int], Awaitable[None]]


def _creating(
    count: int, *, checking_krw: int = 0, effect: tuple[str, str] | None = None
) -> Scenario:
    """The merchant schedules orders, and repeats the call after a missing answer."""

    async def scenario(environment: Environment, moment: int) -> None:
        if effect:
            await environment.fault(*effect)
        orders = [new_order(environment) for _ in range(count)]
        await schedule_orders(
            environment, GATEWAY, orders, checking_krw=checking_krw, dies_at=moment
        )
        await environment.end_faults()
        await schedule_orders(environment, OTHER_GATEWAY, orders)

    return scenario


def _running(effect: str | None = None, *, days: tuple[int, ...] = ()) -> Scenario:
    """The worker of a due payment dies; another worker takes over after the lease."""

    async def scenario(environment: Environment, moment: int) -> None:
        await set_policy(environment, days)
        await schedule_orders(environment, GATEWAY, [new_order(environment)])
        if effect:
            await environment.fault("batch", effect)
        await environment.turn(11)
        await run_schedules(environment, WORKER, dies_at=moment)
        await environment.end_faults()
        await environment.turn(_LEASE_OVER_S)
        await run_schedules(environment, OTHER_WORKER)

    return scenario


async def _planning_retries(environment: Environment, moment: int) -> None:
    """Two payments are declined, and the retry policy allows a retry of one."""
    await set_policy(environment, (1,))
    for code in ("8521", "8040"):
        await schedule_orders(environment, GATEWAY, [new_order(environment)])
        await environment.fault("batch", "refused", code=code)
        await environment.turn(11)
        await run_schedules(environment, WORKER)
    await take_turn(environment, WORKER, "schedule_retries", dies_at=moment)
    await take_turn(environment, OTHER_WORKER, "schedule_retries")


def _in_doubt(effect: str, *, after_s: float) -> Scenario:
    """A charge is unresolved, then resolved, and the worker that finishes it dies."""

    async def scenario(environment: Environment, moment: int) -> None:
        await schedule_orders(environment, GATEWAY, [new_order(environment)])
        await environment.fault("batch", effect)
        await environment.turn(11)
        await run_schedules(environment, WORKER)
        await environment.turn(after_s)
        await take_turn(environment, WORKER, "resolve_due")
        await environment.turn(_LEASE_OVER_S)
        await run_schedules(environment, WORKER, dies_at=moment)
        await environment.turn(2 * _LEASE_OVER_S)
        await run_schedules(environment, OTHER_WORKER)

    return scenario


async def _taken(environment: Environment, moment: int) -> None:
    """The merchant charged the order itself before it was due."""
    order = new_order(environment)
    await schedule_orders(environment, GATEWAY, [order])
    await charge_order(environment, OTHER_GATEWAY, order, requested_krw=1_500)
    await environment.turn(11)
    await run_schedules(environment, WORKER, dies_at=moment)
    await environment.turn(_LEASE_OVER_S)
    await run_schedules(environment, OTHER_WORKER)


async def _while_away(environment: Environment, moment: int) -> None:
    """The PG is gone when it is due, and is back later; the worker dies in between."""
    await schedule_orders(environment, GATEWAY, [new_order(environment)])
    await environment.turn(11)
    environment.go_away()
    await run_schedules(environment, WORKER, dies_at=moment)
    environment.come_back()
    await environment.turn(_LEASE_OVER_S)
    await run_schedules(environment, OTHER_WORKER)


async def _goes_away(environment: Environment, moment: int) -> None:
    """The PG answered a moment ago and is gone now: the charge never leaves the machine."""
    await schedule_orders(environment, GATEWAY, [new_order(environment)])
    await schedule_orders(environment, GATEWAY, [new_order(environment)], in_s=12)
    await environment.turn(11)
    await run_schedules(environment, WORKER)
    await environment.turn(2)
    environment.go_away()
    await run_schedules(environment, WORKER, dies_at=moment)
    environment.come_back()
    await environment.turn(_LEASE_OVER_S)
    await run_schedules(environment, OTHER_WORKER)


def _changing(change: Change, *, declined: bool = False, effect: str | None = None) -> Scenario:
    """A gateway that dies changes a scheduled payment, and then another gateway does."""

    async def scenario(environment: Environment, moment: int) -> None:
        order = new_order(environment)
        await schedule_orders(environment, GATEWAY, [order], in_s=10 if declined else 500)
        if declined:
            await environment.fault("batch", "refused")
            await environment.turn(11)
            await run_schedules(environment, WORKER)
        if effect == "away":
            environment.go_away()
        elif effect:
            await environment.fault("batch", effect)
        await change_schedule(environment, GATEWAY, order, change, dies_at=moment)
        environment.come_back()
        await environment.end_faults()
        await environment.turn(_LEASE_OVER_S)
        await run_schedules(environment, OTHER_WORKER)
        await change_schedule(environment, OTHER_GATEWAY, order, change)

    return scenario


async def _revoking_all(environment: Environment, moment: int) -> None:
    """Revoke all scheduled payments of one card."""
    orders = [new_order(environment) for _ in range(3)]
    await schedule_orders(environment, GATEWAY, orders, in_s=500)

    await _revoke_all(environment, GATEWAY, orders, dies_at=moment)
    await _revoke_all(environment, OTHER_GATEWAY, orders)


async def _revoke_all(
    environment: Environment, gateway: str, orders: Sequence[str], *, dies_at: int | None = None
) -> None:
    def act(engine: Engine) -> Awaitable[object]:
        return revoke(engine, environment.merchant_id, customer_uid=CUSTOMER, merchant_uids=())

    await ask(environment, gateway, "revoke", orders, act, dies_at=dies_at)


async def _removing_key(environment: Environment, moment: int) -> None:
    """The key and its scheduled payments go in one operation (B5)."""
    orders = [new_order(environment), new_order(environment)]
    await schedule_orders(environment, GATEWAY, orders, in_s=500)
    environment.schedule_calls.append(ScheduleCall("delete_key", (), "done"))
    await environment.perform(
        GATEWAY,
        "delete_key",
        lambda node: delete_key(
            node.engine, environment.merchant_id, CUSTOMER, also=revoke_of_deleted_key
        ),
        dies_at=moment,
    )
    await _revoke_all(environment, OTHER_GATEWAY, orders)
    await pay_in_window(environment, OTHER_GATEWAY, customer_uid=CUSTOMER)


async def _without_key(environment: Environment, moment: int) -> None:
    """The key goes without its schedules: the charge is revoked when it is due."""
    await schedule_orders(environment, GATEWAY, [new_order(environment)])
    environment.schedule_calls.append(ScheduleCall("delete_key", (), "done"))
    await environment.perform(
        GATEWAY,
        "delete_key",
        lambda node: delete_key(node.engine, environment.merchant_id, CUSTOMER),
    )
    await environment.turn(11)
    await run_schedules(environment, WORKER, dies_at=moment)
    await environment.turn(_LEASE_OVER_S)
    await run_schedules(environment, OTHER_WORKER)
    await pay_in_window(environment, OTHER_GATEWAY, customer_uid=CUSTOMER)


async def _stopping(environment: Environment, moment: int) -> None:
    """Schedules are paused, none begins, and a gateway that dies resumes them."""
    await schedule_orders(environment, GATEWAY, [new_order(environment)])
    await pause(environment, GATEWAY, dies_at=moment)
    await environment.turn(11)
    await run_schedules(environment, WORKER)
    await resume(environment, OTHER_GATEWAY, dies_at=moment)
    await resume(environment, GATEWAY)
    await run_schedules(environment, OTHER_WORKER)


async def _giving_back(environment: Environment, moment: int) -> None:
    """The refund of a card verification is lost; the worker that repeats it dies."""
    await environment.fault("revise", "cut_before_processing")
    await schedule_orders(
        environment, GATEWAY, [new_order(environment)], in_s=500, checking_krw=1_100
    )
    await environment.turn(2_400)
    await take_turn(environment, WORKER, "resolve_due")
    await take_turn(environment, WORKER, "refund_verifications", dies_at=moment)
    await environment.turn(700)
    await take_turn(environment, OTHER_WORKER, "refund_verifications")


SCHEDULE_SCENARIOS: dict[str, Scenario] = {
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

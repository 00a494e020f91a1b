"""The operations of a history, one function each, with random faults and deaths."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from prometheus_client import REGISTRY

from crash.environment import (
    CUSTOMER,
    GATEWAYS,
    WORKERS,
    CallResult,
    Environment,
    amount,
    fate,
    new_order,
    perhaps_fault,
)
from crash.node import Node
from crash.window_operations import close_and_return, end_key, issue_key, window_payment
from dasi.billing_keys import delete_due_keys
from dasi.cancels import CancelRequest, cancel
from dasi.card_verifications import refund_verifications
from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.ledger import ChargeDetails, Payment, Status
from dasi.outcomes import resolve_due
from dasi.payments import ChargeRequest, charge
from dasi.pg_notifications.inbox import process_pg_notification, store_pg_notification
from dasi.providers.port import PgNotification
from dasi.schedules import schedule_retries
from dasi.webhooks import suspend_deliveries_any_merchant
from dasi.windows import expire_windows

_PASSES_S = (3, 15, 70, 400, 2_400, 7_200, 40_000)


async def charge_order(
    environment: Environment,
    gateway: str,
    order: str,
    *,
    requested_krw: int,
    dies_at: int | None = None,
) -> Payment | None:
    request = ChargeRequest(
        is_sandbox=None,
        customer_uid=CUSTOMER,
        details=ChargeDetails(merchant_uid=order, amount_krw=requested_krw, name=order),
    )

    def ask(engine: Engine) -> Awaitable[Payment]:
        return charge(engine, environment.merchant_id, request)

    return await environment.call(
        gateway, "charge", order, ask, dies_at=dies_at, requested_krw=requested_krw
    )


async def charge_new(environment: Environment) -> None:
    await perhaps_fault(environment, "batch")
    gateway, order = environment.dice.choice(GATEWAYS), new_order(environment)
    await charge_order(
        environment, gateway, order, requested_krw=amount(environment), dies_at=fate(environment)
    )


async def charge_again(environment: Environment) -> None:
    """The merchant repeats an order, as after a missing answer."""
    orders = sorted(
        {result.order for result in environment.call_results if result.verb == "charge"}
    )
    if not orders:
        return
    await perhaps_fault(environment, "batch")
    order, gateway = environment.dice.choice(orders), environment.dice.choice(GATEWAYS)
    await charge_order(
        environment, gateway, order, requested_krw=amount(environment), dies_at=fate(environment)
    )


async def charge_at_once(environment: Environment) -> None:
    """Charge one order at both gateways concurrently."""
    environment.results.happened["one order at two gateways"] += 1
    await perhaps_fault(environment, "batch")
    order, requested_krw = new_order(environment), amount(environment)
    fates = [fate(environment) for _ in GATEWAYS]
    await asyncio.gather(
        *(
            charge_order(environment, gateway, order, requested_krw=requested_krw, dies_at=dies_at)
            for gateway, dies_at in zip(GATEWAYS, fates, strict=True)
        )
    )


async def cancel_payment(
    environment: Environment,
    gateway: str,
    result: CallResult,
    *,
    amount_krw: int | None,
    dies_at: int | None = None,
) -> None:
    notify_merchant = environment.dice.random() < 0.5
    request = CancelRequest(
        imp_uid=result.imp_uid,
        merchant_uid=None,
        amount_krw=amount_krw,
        reason="고객 변심",
        notify_merchant=notify_merchant,
    )

    def ask(engine: Engine) -> Awaitable[Payment]:
        return cancel(engine, environment.merchant_id, request)

    await environment.call(
        gateway,
        "cancel",
        result.order,
        ask,
        dies_at=dies_at,
        requested_krw=amount_krw or result.requested_krw,
        notify_merchant=notify_merchant,
    )


def _paid(environment: Environment) -> list[CallResult]:
    return [
        result
        for result in environment.call_results
        if result.outcome == "paid" and result.requested_krw
    ]


async def cancel_random(environment: Environment) -> None:
    if not (paid := _paid(environment)):
        return
    await perhaps_fault(environment, "revise")
    part = environment.dice.choice([None, 300, 500])
    result, gateway = environment.dice.choice(paid), environment.dice.choice(GATEWAYS)
    await cancel_payment(environment, gateway, result, amount_krw=part, dies_at=fate(environment))


async def cancel_at_once(environment: Environment) -> None:
    if not (paid := _paid(environment)):
        return
    await perhaps_fault(environment, "revise")
    result = environment.dice.choice(paid)
    plans = [(environment.dice.choice([None, 300, 500]), fate(environment)) for _ in GATEWAYS]
    await asyncio.gather(
        *(
            cancel_payment(environment, gateway, result, amount_krw=part, dies_at=dies_at)
            for gateway, (part, dies_at) in zip(GATEWAYS, plans, strict=True)
        )
    )


async def charge_many(environment: Environment) -> None:
    """Charge several orders at one gateway concurrently: they share their transactions."""
    await perhaps_fault(environment, "batch")
    gateway = environment.dice.choice(GATEWAYS)
    orders = [(new_order(environment), amount(environment), fate(environment)) for _ in range(4)]
    await asyncio.gather(
        *(
            charge_order(environment, gateway, order, requested_krw=requested_krw, dies_at=dies_at)
            for order, requested_krw, dies_at in orders
        )
    )


async def pass_notification(environment: Environment) -> None:
    """A random notification reaches a gateway: late, twice, out of order, or forged."""
    wire = environment.merchant_side.notifications
    if not wire:
        return
    content_type, body = environment.dice.choice(wire)
    environment.results.happened["notifications late or out of order"] += (
        content_type,
        body,
    ) != wire[-1]
    if environment.dice.random() < 0.3:
        environment.results.happened["notifications forged"] += 1
        body = body.replace(b"0000", b"9999").replace(b'"amount":', b'"amount":1')
    times = environment.dice.choice([1, 1, 2])
    environment.results.happened["notifications twice"] += times - 1
    for _ in range(times):
        await deliver_notification(environment, content_type, body, dies_at=fate(environment))


async def deliver_notification(
    environment: Environment, content_type: str, body: bytes, *, dies_at: int | None = None
) -> None:
    async def take(node: Node) -> object:
        provider = node.engine.providers["kicc"]
        try:
            notification: PgNotification = provider.read_notification(content_type, body)
        except ValueError:
            return None
        await store_pg_notification(node.engine, "kicc", notification, source="127.0.0.1")
        return await process_pg_notification(node.engine, "kicc", notification, source="127.0.0.1")

    await environment.perform(environment.dice.choice(GATEWAYS), "notice", take, dies_at=dies_at)


Turn = Callable[[Node], Awaitable[int]]
TURNS: dict[str, Turn] = {
    "resolve_due": lambda node: resolve_due(node.engine),
    "delete_due_keys": lambda node: delete_due_keys(node.engine),
    "expire_windows": lambda node: expire_windows(node.engine),
    "run_schedules": lambda node: node.runner.run_due(),
    "schedule_retries": lambda node: schedule_retries(node.engine),
    "refund_verifications": lambda node: refund_verifications(node.engine),
    "deliver": lambda node: node.deliverer.run_due(),
    "suspend_deliveries": lambda node: suspend_deliveries_any_merchant(node.engine),
}


async def take_turn(
    environment: Environment, worker: str, verb: str, *, dies_at: int | None = None
) -> int:
    """Run one turn of a worker's loop; return its count, or -1 if it died or could not run."""

    async def turn(node: Node) -> int:
        return await TURNS[verb](node)

    before, deaths = _bugs_in_runs(), environment.deaths
    done: Any = await environment.perform(worker, verb, turn, dies_at=dies_at)
    # The body of a dead task ends by an exception, which the runner may count as a bug.
    if verb == "run_schedules" and environment.deaths == deaths:
        environment.results.check(
            "no bug", _bugs_in_runs() == before, f"a bug in {verb}", environment.seed
        )
    return done if isinstance(done, int) else -1


def _bugs_in_runs() -> float:
    """The number of bugs in scheduled payments, which the worker counts."""
    sample = {"outcome": "bug"}
    return REGISTRY.get_sample_value("dasi_schedule_runs_total", sample) or 0


async def workers_turn(environment: Environment) -> None:
    """Run every loop of both workers concurrently over the same rows."""
    environment.results.happened["two workers at once"] += 1
    if environment.dice.random() < 0.25:
        await environment.fault(environment.dice.choice(["query", "revise", "remove_key"]))
    environment.merchant_side.failure_chance = environment.dice.choice([0.0, 0.0, 0.3])
    environment.merchant_side.confirms = environment.dice.random() < 0.7
    for verb in TURNS:
        fates = [fate(environment) for _ in WORKERS]
        await asyncio.gather(
            *(
                take_turn(environment, worker, verb, dies_at=dies_at)
                for worker, dies_at in zip(WORKERS, fates, strict=True)
            )
        )


async def time_passes(environment: Environment) -> None:
    await environment.turn(environment.dice.choice(_PASSES_S))


async def midnight_comes(environment: Environment) -> None:
    """Charge or cancel a second before the Korean day ends, and resolve the attempt after it."""
    now = environment.clock.now().astimezone(KST)
    day_ends = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    await environment.turn((day_ends - now).total_seconds() - 1)
    await environment.dice.choice([charge_new, cancel_random, window_payment])(environment)
    await environment.turn(2)
    await workers_turn(environment)


OPERATIONS: tuple[tuple[Callable[[Environment], Awaitable[None]], int], ...] = (
    (charge_new, 5),
    (charge_again, 2),
    (charge_at_once, 2),
    (charge_many, 1),
    (close_and_return, 1),
    (cancel_random, 4),
    (cancel_at_once, 1),
    (window_payment, 3),
    (issue_key, 1),
    (end_key, 1),
    (pass_notification, 4),
    (workers_turn, 4),
    (time_passes, 4),
    (midnight_comes, 1),
)
PAID = (Status.PAID, Status.PARTLY_CANCELLED, Status.CANCELLED)

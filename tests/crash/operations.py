"""What happens in a history: one function an act, each with its dice, its faults and its deaths."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from prometheus_client import REGISTRY

from crash.environment import GATEWAYS, WORKERS, Asked, Environment, Told
from crash.node import Node
from dasi.billing_keys import delete_due_keys, delete_key
from dasi.card_verifications import refund_verifications
from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.ledger import Payment, Status, find_payment
from dasi.payments import (
    CancelRequest,
    ChargeRequest,
    cancel,
    charge,
    process_pg_notification,
    resolve_due,
    store_pg_notification,
)
from dasi.providers.port import PgNotification
from dasi.schedules import revoke_of_deleted_key, schedule_retries
from dasi.webhooks import fail_for_disabled_any_merchant
from dasi.windows import (
    OpenedWindow,
    OpenWindowRequest,
    close_window,
    complete_window,
    expire_windows,
    open_window,
)

CUSTOMER = "customer-1"
_DEATH_CHANCE, _FAULT_CHANCE = 0.35, 0.4
_MOMENTS_MAX = (8, 25, 70)
_PASSES_S = (3, 15, 70, 400, 2_400, 7_200, 40_000)


def fate(environment: Environment) -> int | None:
    """At which moment the next act dies; most live. One that has fewer moments lives too."""
    dice = environment.dice
    return dice.randint(1, dice.choice(_MOMENTS_MAX)) if dice.random() < _DEATH_CHANCE else None


async def perhaps_fault(environment: Environment, endpoint: str) -> None:
    if environment.dice.random() < _FAULT_CHANCE:
        await environment.fault(endpoint)


def new_order(environment: Environment) -> str:
    return f"order-{next(environment.numbers)}"


def amount(environment: Environment) -> int:
    return environment.dice.randint(10, 59) * 100  # no amount of these steers the simulator


async def charge_order(
    environment: Environment,
    gateway: str,
    order: str,
    *,
    asked_krw: int,
    dies_at: int | None = None,
) -> Payment | None:
    request = ChargeRequest(
        customer_uid=CUSTOMER, merchant_uid=order, amount_krw=asked_krw, name=order
    )

    def ask(engine: Engine) -> Awaitable[Payment]:
        return charge(engine, environment.merchant_id, request)

    return await environment.tell(
        gateway, "charge", order, ask, dies_at=dies_at, asked_krw=asked_krw
    )


async def charge_new(environment: Environment) -> None:
    await perhaps_fault(environment, "batch")
    gateway, order = environment.dice.choice(GATEWAYS), new_order(environment)
    await charge_order(
        environment, gateway, order, asked_krw=amount(environment), dies_at=fate(environment)
    )


async def charge_again(environment: Environment) -> None:
    """The shop repeats an order, as one does that was told nothing."""
    orders = sorted({told.order for told in environment.told if told.verb == "charge"})
    if not orders:
        return
    await perhaps_fault(environment, "batch")
    order, gateway = environment.dice.choice(orders), environment.dice.choice(GATEWAYS)
    await charge_order(
        environment, gateway, order, asked_krw=amount(environment), dies_at=fate(environment)
    )


async def charge_at_once(environment: Environment) -> None:
    """One order at both gateways in the same moment."""
    environment.results.happened["one order at two gateways"] += 1
    await perhaps_fault(environment, "batch")
    order, asked_krw = new_order(environment), amount(environment)
    fates = [fate(environment) for _ in GATEWAYS]
    await asyncio.gather(
        *(
            charge_order(environment, gateway, order, asked_krw=asked_krw, dies_at=dies_at)
            for gateway, dies_at in zip(GATEWAYS, fates, strict=True)
        )
    )


async def cancel_payment(
    environment: Environment,
    gateway: str,
    told: Told,
    *,
    amount_krw: int | None,
    dies_at: int | None = None,
) -> None:
    tells = environment.dice.random() < 0.5
    request = CancelRequest(
        imp_uid=told.imp_uid,
        merchant_uid=None,
        amount_krw=amount_krw,
        reason="고객 변심",
        notify_merchant=tells,
    )

    def ask(engine: Engine) -> Awaitable[Payment]:
        return cancel(engine, environment.merchant_id, request)

    await environment.tell(
        gateway,
        "cancel",
        told.order,
        ask,
        dies_at=dies_at,
        asked_krw=amount_krw or told.asked_krw,
        notify_merchant=tells,
    )


def _paid(environment: Environment) -> list[Told]:
    return [told for told in environment.told if told.outcome == "paid" and told.asked_krw]


async def cancel_one(environment: Environment) -> None:
    if not (paid := _paid(environment)):
        return
    await perhaps_fault(environment, "revise")
    part = environment.dice.choice([None, 300, 500])
    told, gateway = environment.dice.choice(paid), environment.dice.choice(GATEWAYS)
    await cancel_payment(environment, gateway, told, amount_krw=part, dies_at=fate(environment))


async def cancel_at_once(environment: Environment) -> None:
    if not (paid := _paid(environment)):
        return
    await perhaps_fault(environment, "revise")
    told = environment.dice.choice(paid)
    plans = [(environment.dice.choice([None, 300, 500]), fate(environment)) for _ in GATEWAYS]
    await asyncio.gather(
        *(
            cancel_payment(environment, gateway, told, amount_krw=part, dies_at=dies_at)
            for gateway, (part, dies_at) in zip(GATEWAYS, plans, strict=True)
        )
    )


async def pay_in_window(
    environment: Environment,
    gateway: str,
    *,
    customer_uid: str | None = None,
    choice: str = "approve",
    returns: int = 1,
    dies_at: int | None = None,
    asks_merchant: bool = False,
) -> None:
    """A payer's whole way through a window, for a payment or for a key."""
    order = new_order(environment)
    asked_krw = 0 if customer_uid else amount(environment)
    request = OpenWindowRequest(
        merchant_uid=order,
        amount_krw=asked_krw,
        name=order,
        device="pc",
        customer_uid=customer_uid,
        confirm_url=environment.merchant_side.url + "/confirm" if asks_merchant else None,
    )
    opened = await _open(environment, gateway, request)
    if not isinstance(opened, OpenedWindow):
        return
    _, fields = await environment.kicc.window(opened.window_url, choice)

    async def come_back(engine: Engine) -> Payment:
        await complete_window(engine, environment.merchant, opened.window_token, fields)
        return await find_payment(engine, environment.merchant_id, opened.imp_uid)

    fates = [dies_at, *(fate(environment) for _ in range(returns - 1))]
    await asyncio.gather(
        *(
            environment.tell(
                at, "complete_window", order, come_back, dies_at=one, asked_krw=asked_krw
            )
            for at, one in zip((gateway, _other(gateway)), fates, strict=False)
        )
    )


async def _open(environment: Environment, gateway: str, request: OpenWindowRequest) -> Any:
    return await environment.perform(
        gateway, "open_window", lambda node: open_window(node.engine, environment.merchant, request)
    )


async def end_window(environment: Environment, gateway: str, *, dies_at: int | None = None) -> None:
    """The payer closes the window, and a return of it comes in the same moment, or later."""
    order = new_order(environment)
    request = OpenWindowRequest(
        merchant_uid=order, amount_krw=amount(environment), name=order, device="pc"
    )
    opened = await _open(environment, gateway, request)
    if not isinstance(opened, OpenedWindow):
        return
    token = opened.window_token

    async def close(node: Node) -> object:
        return await close_window(node.engine, environment.merchant, token)

    await environment.perform(gateway, "close_window", close, dies_at=dies_at)
    await environment.perform(_other(gateway), "close_window", close)


async def close_and_return(environment: Environment) -> None:
    await end_window(environment, environment.dice.choice(GATEWAYS), dies_at=fate(environment))


async def charge_many(environment: Environment) -> None:
    """Several orders at one gateway in one moment: they share their transactions."""
    await perhaps_fault(environment, "batch")
    gateway = environment.dice.choice(GATEWAYS)
    orders = [(new_order(environment), amount(environment), fate(environment)) for _ in range(4)]
    await asyncio.gather(
        *(
            charge_order(environment, gateway, order, asked_krw=asked_krw, dies_at=dies_at)
            for order, asked_krw, dies_at in orders
        )
    )


async def window_payment(environment: Environment) -> None:
    await perhaps_fault(environment, "approval")
    await pay_in_window(
        environment,
        environment.dice.choice(GATEWAYS),
        choice=environment.dice.choice(["approve", "approve", "approve", "cancel"]),
        returns=environment.dice.choice([1, 1, 2]),
        dies_at=fate(environment),
        asks_merchant=environment.dice.random() < 0.3,
    )


async def issue_key(environment: Environment) -> None:
    """A card for the customer, perhaps in the place of an older one."""
    await perhaps_fault(environment, "approval")
    gateway = environment.dice.choice(GATEWAYS)
    await pay_in_window(environment, gateway, customer_uid=CUSTOMER, dies_at=fate(environment))


async def end_key(environment: Environment) -> None:
    """The customer leaves, and comes back with a card so that the history can go on."""
    await perhaps_fault(environment, "remove_key")

    async def ask(node: Node) -> object:
        return await delete_key(
            node.engine, environment.merchant_id, CUSTOMER, also=revoke_of_deleted_key
        )

    environment.asked.append(Asked("delete_key", (), "done"))
    await environment.perform(
        environment.dice.choice(GATEWAYS), "delete_key", ask, dies_at=fate(environment)
    )
    await pay_in_window(environment, environment.dice.choice(GATEWAYS), customer_uid=CUSTOMER)


async def pass_notification(environment: Environment) -> None:
    """Any notice on the wire reaches a gateway: late, twice, out of order, or forged."""
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
    "fail_for_disabled": lambda node: fail_for_disabled_any_merchant(node.engine),
}


async def take_turn(
    environment: Environment, worker: str, verb: str, *, dies_at: int | None = None
) -> int:
    """One turn of one loop of one worker; how much it did, -1 if it died or could not."""

    async def turn(node: Node) -> int:
        return await TURNS[verb](node)

    before, deaths = _bugs_in_runs(), environment.deaths
    done: Any = await environment.perform(worker, verb, turn, dies_at=dies_at)
    # The body of a dead one is put away by throwing at it, which it may well call a bug.
    if verb == "run_schedules" and environment.deaths == deaths:
        environment.results.check(
            "no bug", _bugs_in_runs() == before, f"a bug in {verb}", environment.seed
        )
    return done if isinstance(done, int) else -1


def _bugs_in_runs() -> float:
    """The worker logs a bug in one scheduled payment, counts it, and goes on."""
    sample = {"outcome": "bug"}
    return REGISTRY.get_sample_value("dasi_schedule_runs_total", sample) or 0


async def workers_turn(environment: Environment) -> None:
    """Both workers at once, at every one of their loops, over the same rows."""
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
    """A charge or a cancel a second before the Korean day ends, and its doubt after it."""
    now = environment.clock.now().astimezone(KST)
    day_ends = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    await environment.turn((day_ends - now).total_seconds() - 1)
    await environment.dice.choice([charge_new, cancel_one, window_payment])(environment)
    await environment.turn(2)
    await workers_turn(environment)


def _other(gateway: str) -> str:
    return GATEWAYS[1 - GATEWAYS.index(gateway)]


OPERATIONS: tuple[tuple[Callable[[Environment], Awaitable[None]], int], ...] = (
    (charge_new, 5),
    (charge_again, 2),
    (charge_at_once, 2),
    (charge_many, 1),
    (close_and_return, 1),
    (cancel_one, 4),
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

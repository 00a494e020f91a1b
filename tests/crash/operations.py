"""What happens in a history: one function an act, each with its dice, its faults and its deaths."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from prometheus_client import REGISTRY

from crash.environment import GATEWAYS, WORKERS, Asked, Told, World
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
    resolve_due,
    store_notice,
    work_on_notice,
)
from dasi.providers.port import PgNotice
from dasi.schedules import revoke_of_deleted_key, schedule_retries
from dasi.webhooks import fail_for_disabled
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


def fate(world: World) -> int | None:
    """At which moment the next act dies; most live. One that has fewer moments lives too."""
    dice = world.dice
    return dice.randint(1, dice.choice(_MOMENTS_MAX)) if dice.random() < _DEATH_CHANCE else None


async def perhaps_fault(world: World, endpoint: str) -> None:
    if world.dice.random() < _FAULT_CHANCE:
        await world.fault(endpoint)


def new_order(world: World) -> str:
    return f"order-{next(world.numbers)}"


def amount(world: World) -> int:
    return world.dice.randint(10, 59) * 100  # no amount of these steers the simulator


async def charge_order(
    world: World, gateway: str, order: str, *, asked_krw: int, dies_at: int | None = None
) -> Payment | None:
    request = ChargeRequest(
        customer_uid=CUSTOMER, merchant_uid=order, amount_krw=asked_krw, name=order
    )

    def ask(engine: Engine) -> Awaitable[Payment]:
        return charge(engine, world.merchant_id, request)

    return await world.tell(gateway, "charge", order, ask, dies_at=dies_at, asked_krw=asked_krw)


async def charge_new(world: World) -> None:
    await perhaps_fault(world, "batch")
    gateway, order = world.dice.choice(GATEWAYS), new_order(world)
    await charge_order(world, gateway, order, asked_krw=amount(world), dies_at=fate(world))


async def charge_again(world: World) -> None:
    """The shop repeats an order, as one does that was told nothing."""
    orders = sorted({told.order for told in world.told if told.verb == "charge"})
    if not orders:
        return
    await perhaps_fault(world, "batch")
    order, gateway = world.dice.choice(orders), world.dice.choice(GATEWAYS)
    await charge_order(world, gateway, order, asked_krw=amount(world), dies_at=fate(world))


async def charge_at_once(world: World) -> None:
    """One order at both gateways in the same moment."""
    world.tally.happened["one order at two gateways"] += 1
    await perhaps_fault(world, "batch")
    order, asked_krw = new_order(world), amount(world)
    fates = [fate(world) for _ in GATEWAYS]
    await asyncio.gather(
        *(
            charge_order(world, gateway, order, asked_krw=asked_krw, dies_at=dies_at)
            for gateway, dies_at in zip(GATEWAYS, fates, strict=True)
        )
    )


async def cancel_payment(
    world: World, gateway: str, told: Told, *, amount_krw: int | None, dies_at: int | None = None
) -> None:
    tells = world.dice.random() < 0.5
    request = CancelRequest(
        imp_uid=told.imp_uid,
        merchant_uid=None,
        amount_krw=amount_krw,
        reason="고객 변심",
        notify_merchant=tells,
    )

    def ask(engine: Engine) -> Awaitable[Payment]:
        return cancel(engine, world.merchant_id, request)

    await world.tell(
        gateway,
        "cancel",
        told.order,
        ask,
        dies_at=dies_at,
        asked_krw=amount_krw or told.asked_krw,
        notify_merchant=tells,
    )


def _paid(world: World) -> list[Told]:
    return [told for told in world.told if told.outcome == "paid" and told.asked_krw]


async def cancel_one(world: World) -> None:
    if not (paid := _paid(world)):
        return
    await perhaps_fault(world, "revise")
    part = world.dice.choice([None, 300, 500])
    told, gateway = world.dice.choice(paid), world.dice.choice(GATEWAYS)
    await cancel_payment(world, gateway, told, amount_krw=part, dies_at=fate(world))


async def cancel_at_once(world: World) -> None:
    if not (paid := _paid(world)):
        return
    await perhaps_fault(world, "revise")
    told = world.dice.choice(paid)
    plans = [(world.dice.choice([None, 300, 500]), fate(world)) for _ in GATEWAYS]
    await asyncio.gather(
        *(
            cancel_payment(world, gateway, told, amount_krw=part, dies_at=dies_at)
            for gateway, (part, dies_at) in zip(GATEWAYS, plans, strict=True)
        )
    )


async def pay_in_window(
    world: World,
    gateway: str,
    *,
    customer_uid: str | None = None,
    choice: str = "approve",
    returns: int = 1,
    dies_at: int | None = None,
    asks_merchant: bool = False,
) -> None:
    """A payer's whole way through a window, for a payment or for a key."""
    order = new_order(world)
    asked_krw = 0 if customer_uid else amount(world)
    request = OpenWindowRequest(
        merchant_uid=order,
        amount_krw=asked_krw,
        name=order,
        device="pc",
        customer_uid=customer_uid,
        confirm_url=world.merchant_side.url + "/confirm" if asks_merchant else None,
    )
    opened = await _open(world, gateway, request)
    if not isinstance(opened, OpenedWindow):
        return
    _, fields = await world.kicc.window(opened.window_url, choice)

    async def come_back(engine: Engine) -> Payment:
        await complete_window(engine, world.merchant, opened.window_token, fields)
        return await find_payment(engine, world.merchant_id, opened.imp_uid)

    fates = [dies_at, *(fate(world) for _ in range(returns - 1))]
    await asyncio.gather(
        *(
            world.tell(at, "complete_window", order, come_back, dies_at=one, asked_krw=asked_krw)
            for at, one in zip((gateway, _other(gateway)), fates, strict=False)
        )
    )


async def _open(world: World, gateway: str, request: OpenWindowRequest) -> Any:
    return await world.perform(
        gateway, "open_window", lambda node: open_window(node.engine, world.merchant, request)
    )


async def end_window(world: World, gateway: str, *, dies_at: int | None = None) -> None:
    """The payer closes the window, and a return of it comes in the same moment, or later."""
    order = new_order(world)
    request = OpenWindowRequest(
        merchant_uid=order, amount_krw=amount(world), name=order, device="pc"
    )
    opened = await _open(world, gateway, request)
    if not isinstance(opened, OpenedWindow):
        return
    token = opened.window_token

    async def close(node: Node) -> object:
        return await close_window(node.engine, world.merchant, token)

    await world.perform(gateway, "close_window", close, dies_at=dies_at)
    await world.perform(_other(gateway), "close_window", close)


async def close_and_return(world: World) -> None:
    await end_window(world, world.dice.choice(GATEWAYS), dies_at=fate(world))


async def charge_many(world: World) -> None:
    """Several orders at one gateway in one moment: they share their transactions."""
    await perhaps_fault(world, "batch")
    gateway = world.dice.choice(GATEWAYS)
    orders = [(new_order(world), amount(world), fate(world)) for _ in range(4)]
    await asyncio.gather(
        *(
            charge_order(world, gateway, order, asked_krw=asked_krw, dies_at=dies_at)
            for order, asked_krw, dies_at in orders
        )
    )


async def window_payment(world: World) -> None:
    await perhaps_fault(world, "approval")
    await pay_in_window(
        world,
        world.dice.choice(GATEWAYS),
        choice=world.dice.choice(["approve", "approve", "approve", "cancel"]),
        returns=world.dice.choice([1, 1, 2]),
        dies_at=fate(world),
        asks_merchant=world.dice.random() < 0.3,
    )


async def issue_key(world: World) -> None:
    """A card for the customer, perhaps in the place of an older one."""
    await perhaps_fault(world, "approval")
    gateway = world.dice.choice(GATEWAYS)
    await pay_in_window(world, gateway, customer_uid=CUSTOMER, dies_at=fate(world))


async def end_key(world: World) -> None:
    """The customer leaves, and comes back with a card so that the history can go on."""
    await perhaps_fault(world, "remove_key")

    async def ask(node: Node) -> object:
        return await delete_key(
            node.engine, world.merchant_id, CUSTOMER, also=revoke_of_deleted_key
        )

    world.asked.append(Asked("delete_key", (), "done"))
    await world.perform(world.dice.choice(GATEWAYS), "delete_key", ask, dies_at=fate(world))
    await pay_in_window(world, world.dice.choice(GATEWAYS), customer_uid=CUSTOMER)


async def pass_notice(world: World) -> None:
    """Any notice on the wire reaches a gateway: late, twice, out of order, or forged."""
    wire = world.merchant_side.notices
    if not wire:
        return
    content_type, body = world.dice.choice(wire)
    world.tally.happened["notices late or out of order"] += (content_type, body) != wire[-1]
    if world.dice.random() < 0.3:
        world.tally.happened["notices forged"] += 1
        body = body.replace(b"0000", b"9999").replace(b'"amount":', b'"amount":1')
    times = world.dice.choice([1, 1, 2])
    world.tally.happened["notices twice"] += times - 1
    for _ in range(times):
        await deliver_notice(world, content_type, body, dies_at=fate(world))


async def deliver_notice(
    world: World, content_type: str, body: bytes, *, dies_at: int | None = None
) -> None:
    async def take(node: Node) -> object:
        provider = node.engine.providers["kicc"]
        try:
            notice: PgNotice = provider.read_notice(content_type, body)
        except ValueError:
            return None
        await store_notice(node.engine, "kicc", notice, source="127.0.0.1")
        return await work_on_notice(node.engine, "kicc", notice, source="127.0.0.1")

    await world.perform(world.dice.choice(GATEWAYS), "notice", take, dies_at=dies_at)


Turn = Callable[[Node], Awaitable[int]]
TURNS: dict[str, Turn] = {
    "resolve_due": lambda node: resolve_due(node.engine),
    "delete_due_keys": lambda node: delete_due_keys(node.engine),
    "expire_windows": lambda node: expire_windows(node.engine),
    "run_schedules": lambda node: node.runner.run_due(),
    "schedule_retries": lambda node: schedule_retries(node.engine),
    "refund_verifications": lambda node: refund_verifications(node.engine),
    "deliver": lambda node: node.deliverer.run_due(),
    "fail_for_disabled": lambda node: fail_for_disabled(node.engine),
}


async def take_turn(world: World, worker: str, verb: str, *, dies_at: int | None = None) -> int:
    """One turn of one loop of one worker; how much it did, -1 if it died or could not."""

    async def turn(node: Node) -> int:
        return await TURNS[verb](node)

    before, deaths = _bugs_in_runs(), world.deaths
    done: Any = await world.perform(worker, verb, turn, dies_at=dies_at)
    # The body of a dead one is put away by throwing at it, which it may well call a bug.
    if verb == "run_schedules" and world.deaths == deaths:
        world.tally.check("no bug", _bugs_in_runs() == before, f"a bug in {verb}", world.seed)
    return done if isinstance(done, int) else -1


def _bugs_in_runs() -> float:
    """The worker logs a bug in one scheduled payment, counts it, and goes on."""
    sample = {"outcome": "bug"}
    return REGISTRY.get_sample_value("dasi_schedule_runs_total", sample) or 0


async def workers_turn(world: World) -> None:
    """Both workers at once, at every one of their loops, over the same rows."""
    world.tally.happened["two workers at once"] += 1
    if world.dice.random() < 0.25:
        await world.fault(world.dice.choice(["query", "revise", "remove_key"]))
    world.merchant_side.failure_chance = world.dice.choice([0.0, 0.0, 0.3])
    world.merchant_side.confirms = world.dice.random() < 0.7
    for verb in TURNS:
        fates = [fate(world) for _ in WORKERS]
        await asyncio.gather(
            *(
                take_turn(world, worker, verb, dies_at=dies_at)
                for worker, dies_at in zip(WORKERS, fates, strict=True)
            )
        )


async def time_passes(world: World) -> None:
    await world.turn(world.dice.choice(_PASSES_S))


async def midnight_comes(world: World) -> None:
    """A charge or a cancel a second before the Korean day ends, and its doubt after it."""
    now = world.clock.now().astimezone(KST)
    day_ends = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    await world.turn((day_ends - now).total_seconds() - 1)
    await world.dice.choice([charge_new, cancel_one, window_payment])(world)
    await world.turn(2)
    await workers_turn(world)


def _other(gateway: str) -> str:
    return GATEWAYS[1 - GATEWAYS.index(gateway)]


ACTS: tuple[tuple[Callable[[World], Awaitable[None]], int], ...] = (
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
    (pass_notice, 4),
    (workers_turn, 4),
    (time_passes, 4),
    (midnight_comes, 1),
)
PAID = (Status.PAID, Status.PARTLY_CANCELLED, Status.CANCELLED)

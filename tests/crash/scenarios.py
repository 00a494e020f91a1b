"""More scenarios of the sweep: batches, other ends of windows, endpoints that are gone."""

import asyncio
from collections.abc import Awaitable, Callable

from crash.environment import CUSTOMER, Environment, new_order
from crash.operations import cancel_payment, charge_order, take_turn
from crash.webhook_endpoints import endpoint_is_gone
from crash.window_operations import end_window, pay_in_window
from dasi.billing_keys import delete_key

GATEWAY, OTHER_GATEWAY, WORKER, OTHER_WORKER = "gateway-a", "gateway-b", "worker-a", "worker-b"

Scenario = Callable[[Environment, int], Awaitable[None]]


async def _crowd(environment: Environment, moment: int) -> None:
    """Concurrent charges share their transactions: the dead one was waiting for its batch."""
    orders = [new_order(environment) for _ in range(3)]
    await asyncio.gather(
        charge_order(environment, GATEWAY, orders[0], requested_krw=1_500),
        charge_order(environment, GATEWAY, orders[1], requested_krw=1_500, dies_at=moment),
        charge_order(environment, GATEWAY, orders[2], requested_krw=1_500),
    )


async def _no_free_connection(environment: Environment, moment: int) -> None:
    """All connections to the PG are taken: the charge waits for one, and its gateway dies."""
    node = environment.nodes[GATEWAY]
    await environment.kicc.hold("batch", when="before")
    first = asyncio.create_task(
        charge_order(environment, GATEWAY, new_order(environment), requested_krw=1_500)
    )
    await environment.kicc.wait_held()
    second = asyncio.create_task(
        charge_order(
            environment, GATEWAY, new_order(environment), requested_krw=1_500, dies_at=moment
        )
    )
    while not (second.done() or node.has_queued_request()):  # noqa: ASYNC110 - no event says so
        await asyncio.sleep(0)
    await environment.kicc.release()
    await asyncio.gather(first, second)


def _confirming(is_approved: bool) -> Scenario:
    """The merchant confirms before the request to the PG."""

    async def scenario(environment: Environment, moment: int) -> None:
        environment.merchant_side.confirms = is_approved
        await pay_in_window(environment, GATEWAY, dies_at=moment, asks_merchant=True)
        environment.merchant_side.confirms = True

    return scenario


async def _closing(environment: Environment, moment: int) -> None:
    await end_window(environment, GATEWAY, dies_at=moment)


async def _gone(environment: Environment, moment: int) -> None:
    await charge_order(environment, GATEWAY, new_order(environment), requested_krw=1_500)
    await cancel_payment(environment, GATEWAY, environment.call_results[-1], amount_krw=300)
    await endpoint_is_gone(environment, WORKER, dies_at=moment)
    await environment.turn(100)
    while await take_turn(environment, OTHER_WORKER, "deliver"):
        await environment.turn(100)


async def _delivering_many(environment: Environment, moment: int) -> None:
    """More deliveries than an endpoint has slots. Moments are alike: every fourth is enough."""
    for _ in range(10):
        await charge_order(environment, GATEWAY, new_order(environment), requested_krw=1_500)
    await environment.turn(100)
    await take_turn(environment, WORKER, "deliver", dies_at=4 * moment)
    await environment.turn(100)
    await take_turn(environment, OTHER_WORKER, "deliver")


async def _delivering_to_failing(environment: Environment, moment: int) -> None:
    environment.merchant_side.failure_chance = 1.0
    await charge_order(environment, GATEWAY, new_order(environment), requested_krw=1_500)
    await take_turn(environment, WORKER, "deliver", dies_at=moment)
    environment.merchant_side.failure_chance = 0.0
    await environment.turn(100)
    await take_turn(environment, OTHER_WORKER, "deliver")


def _removal(effect: str) -> Scenario:
    async def scenario(environment: Environment, moment: int) -> None:
        await environment.fault("remove_key", effect)
        await environment.perform(
            GATEWAY,
            "delete_key",
            lambda node: delete_key(node.engine, environment.merchant_id, CUSTOMER),
            dies_at=moment,
        )
        await environment.end_faults()
        await pay_in_window(environment, OTHER_GATEWAY, customer_uid=CUSTOMER)

    return scenario


async def _cannot_open(environment: Environment, moment: int) -> None:
    """The key is sealed with a dropped vault key: only an operator can end it."""
    await environment.rows("UPDATE billing_keys SET sealed_key = 'x' WHERE status = 'active'")
    await environment.perform(
        GATEWAY,
        "delete_key",
        lambda node: delete_key(node.engine, environment.merchant_id, CUSTOMER),
        dies_at=moment,
    )
    await environment.turn(100)
    await take_turn(environment, WORKER, "delete_due_keys")
    await pay_in_window(environment, OTHER_GATEWAY, customer_uid=CUSTOMER)


def _escalating(endpoint: str) -> Scenario:
    """The PG answers no lookup either: the attempt is escalated at its deadline."""

    async def scenario(environment: Environment, moment: int) -> None:
        order = new_order(environment)
        if endpoint == "batch":
            await environment.fault("batch", "executed_answer_cut")
        await charge_order(environment, GATEWAY, order, requested_krw=1_500)
        if endpoint == "revise":
            await environment.fault("revise", "executed_answer_cut")
            await cancel_payment(
                environment, GATEWAY, environment.call_results[-1], amount_krw=None
            )
        environment.go_away()
        await environment.turn(200_000)
        await take_turn(environment, WORKER, "resolve_due", dies_at=moment)
        await environment.turn(100)
        await take_turn(environment, OTHER_WORKER, "resolve_due")
        environment.come_back()

    return scenario


MORE_SCENARIOS: dict[str, Scenario] = {
    "charge in a crowd": _crowd,
    "charge without a free connection": _no_free_connection,
    "window, merchant confirms": _confirming(True),
    "window, merchant refuses": _confirming(False),
    "window closed": _closing,
    "endpoint gone": _gone,
    "delivery of many": _delivering_many,
    "delivery to one that fails": _delivering_to_failing,
    "key removal, answer lost": _removal("executed_answer_cut"),
    "key removal, refused": _removal("refused"),
    "key removal, sealed for good": _cannot_open,
    "charge handed to a person": _escalating("batch"),
    "cancel handed to a person": _escalating("revise"),
}

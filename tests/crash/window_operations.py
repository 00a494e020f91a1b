"""Operations of a history that need a payment window: payments, card registrations, closing."""

import asyncio
from typing import Any

from crash.environment import (
    CUSTOMER,
    GATEWAYS,
    Environment,
    ScheduleCall,
    amount,
    fate,
    new_order,
    perhaps_fault,
)
from crash.node import Node
from dasi.billing_keys import delete_key
from dasi.engine import Engine
from dasi.ledger import Payment, find_payment
from dasi.schedules import revoke_of_deleted_key
from dasi.windows import (
    OpenedWindow,
    OpenWindowRequest,
    close_window,
    complete_window,
    open_window,
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
    """Take a payer through a window, for a payment or for a key."""
    order = new_order(environment)
    requested_krw = 0 if customer_uid else amount(environment)
    request = OpenWindowRequest(
        merchant_uid=order,
        amount_krw=requested_krw,
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
            environment.call(
                at, "complete_window", order, come_back, dies_at=moment, requested_krw=requested_krw
            )
            for at, moment in zip((gateway, _other(gateway)), fates, strict=False)
        )
    )


async def _open(environment: Environment, gateway: str, request: OpenWindowRequest) -> Any:
    return await environment.perform(
        gateway, "open_window", lambda node: open_window(node.engine, environment.merchant, request)
    )


async def end_window(environment: Environment, gateway: str, *, dies_at: int | None = None) -> None:
    """The payer closes a window, and its return comes concurrently or later."""
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
    """Register a card for the customer, which may replace an older one."""
    await perhaps_fault(environment, "approval")
    gateway = environment.dice.choice(GATEWAYS)
    await pay_in_window(environment, gateway, customer_uid=CUSTOMER, dies_at=fate(environment))


async def end_key(environment: Environment) -> None:
    """Delete the customer's key and register a new card, so that the history can go on."""
    await perhaps_fault(environment, "remove_key")

    async def ask(node: Node) -> object:
        return await delete_key(
            node.engine, environment.merchant_id, CUSTOMER, also=revoke_of_deleted_key
        )

    environment.schedule_calls.append(ScheduleCall("delete_key", (), "done"))
    await environment.perform(
        environment.dice.choice(GATEWAYS), "delete_key", ask, dies_at=fate(environment)
    )
    await pay_in_window(environment, environment.dice.choice(GATEWAYS), customer_uid=CUSTOMER)


def _other(gateway: str) -> str:
    return GATEWAYS[1 - GATEWAYS.index(gateway)]

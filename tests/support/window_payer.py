"""Open a window with the domain package, and post the payer's return in a step of its own."""

from dataclasses import dataclass
from typing import Any

from dasi.engine import Engine
from dasi.ledger import Payment, find_payment
from dasi.merchants import Merchant
from dasi.windows import OpenedWindow, OpenWindowRequest, complete_window, open_window
from support.gateway_merchant import new_window
from support.simulator_process import SimulatorControl


@dataclass(frozen=True)
class PayerReturn:
    """A payer after the PG's window, before the return reaches the gateway."""

    engine: Engine
    merchant: Merchant
    window: OpenedWindow
    fields: dict[str, str]

    async def post(self, **other: str) -> Payment:
        """Post the return with `other` in place of some fields, and return the payment."""
        fields = {**self.fields, **other}
        await complete_window(self.engine, self.merchant, self.window.window_token, fields)
        return await self.payment()

    async def payment(self) -> Payment:
        return await find_payment(self.engine, self.merchant.merchant_id, self.window.imp_uid)


async def walk_through_window(
    engine: Engine,
    merchant: Merchant,
    kicc: SimulatorControl,
    *,
    choice: str = "approve",
    card: dict[str, str] | None = None,
    **request: Any,
) -> PayerReturn:
    """Open a window and press `choice` at the PG. The return is not posted yet."""
    order = new_window()
    params = {
        "merchant_uid": order["merchant_uid"],
        "name": order["name"],
        "amount_krw": order["amount"],
        "device": "pc",
        **request,
    }
    window = await open_window(engine, merchant, OpenWindowRequest(**params))
    _action, fields = await kicc.window(window.window_url, choice, **(card or {}))
    return PayerReturn(engine, merchant, window, fields)


async def register_card(
    engine: Engine,
    merchant: Merchant,
    kicc: SimulatorControl,
    customer_uid: str = "card-1",
    **request: Any,
) -> Payment:
    """Register a card of a customer and return the registration."""
    params = {"customer_uid": customer_uid, "amount_krw": 0, **request}
    returned = await walk_through_window(engine, merchant, kicc, **params)
    return await returned.post()

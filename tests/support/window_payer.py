"""Opens a window with the room's verb and carries the payer's return by hand."""

from dataclasses import dataclass
from typing import Any

from dasi.engine import Engine
from dasi.ledger import Payment, find_payment
from dasi.merchants import Merchant
from dasi.windows import OpenedWindow, OpenWindowRequest, complete_window, open_window
from support.gateway_merchant import new_window
from support.simulator_process import SimulatorControl


@dataclass(frozen=True)
class Returned:
    """A payer who stands before the gateway's door, with what the PG's window gave them."""

    engine: Engine
    merchant: Merchant
    window: OpenedWindow
    fields: dict[str, str]

    async def post(self, **other: str) -> Payment:
        """Knocks. `other` takes the place of the PG's fields. The payment as it is then."""
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
) -> Returned:
    """Opened, and `choice` pressed at the PG; the return is not posted yet."""
    order = new_window()
    given = {
        "merchant_uid": order["merchant_uid"],
        "name": order["name"],
        "amount_krw": order["amount"],
        "device": "pc",
        **request,
    }
    window = await open_window(engine, merchant, OpenWindowRequest(**given))
    _action, fields = await kicc.window(window.window_url, choice, **(card or {}))
    return Returned(engine, merchant, window, fields)


async def register_card(
    engine: Engine,
    merchant: Merchant,
    kicc: SimulatorControl,
    customer_uid: str = "card-1",
    **request: Any,
) -> Payment:
    """A card of the customer, stored."""
    given = {"customer_uid": customer_uid, "amount_krw": 0, **request}
    returned = await walk_through_window(engine, merchant, kicc, **given)
    return await returned.post()

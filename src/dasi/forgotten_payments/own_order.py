"""Recognise an order number of ours that the database does not know.

<order>-<8 hex>-<ordinal>   a charge; the hex digits begin its request name, which only this
                            installation can compute, so the number is proven to be ours
pay-<24 hex>-<ordinal>      a charge whose order does not fit the PG's alphabet; the order can be
                            found among the schedules only
<order>-<10 hex>            a payment window; the digits are random and prove nothing
"""

import re
from dataclasses import dataclass

from dasi.channels import Channel, find_channel
from dasi.engine import Engine
from dasi.forgotten_payments import forgotten_store
from dasi.forgotten_payments.forgotten_store import OrderName
from dasi.providers.port import AttemptKind

_CHARGE = re.compile(r"([A-Za-z0-9_-]{1,28})-([0-9a-f]{8})-([1-9][0-9]?)")
_NAMED_CHARGE = re.compile(r"(pay-[0-9a-f]{24})-([1-9][0-9]{0,4})(?:-d)?")
_WINDOW = re.compile(r"([A-Za-z0-9_-]{1,29})-[0-9a-f]{10}")
_PREFIX = len("pay-")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrder:
    """An order of ours whose request the database has forgotten."""

    channel: Channel
    merchant_uid: str
    pg_order_id: str
    kind: AttemptKind
    attempt_id: str
    """The name of the forgotten request."""
    is_next: bool
    """Whether it follows the requests that are known, so that its rows can be written."""
    is_proven: bool
    """Whether the order number shows that this installation made it."""


async def find_own_order(
    engine: Engine, *, pg_merchant_id: str, pg_order_id: str
) -> OwnOrder | None:
    """Return the order of an order number, or None if it is not ours or cannot be read."""
    if charge := _CHARGE.fullmatch(pg_order_id):
        names = await _names(engine, pg_merchant_id, charge[1])
        for name in names:
            if name.request_name[_PREFIX:].startswith(charge[2]):
                return await _own_order(engine, name, pg_order_id, ordinal=int(charge[3]))
    if charge := _NAMED_CHARGE.fullmatch(pg_order_id):
        orders = await forgotten_store.scheduled_orders_any_merchant(
            engine.database, pg_merchant_id=pg_merchant_id, request_name=charge[1]
        )
        for name in await _names(engine, pg_merchant_id, *orders):
            if name.request_name == charge[1]:
                return await _own_order(engine, name, pg_order_id, ordinal=int(charge[2]))
    if window := _WINDOW.fullmatch(pg_order_id):
        names = await _names(engine, pg_merchant_id, window[1])
        if len(names) == 1:
            return await _own_order(engine, names[0], pg_order_id, ordinal=None)
    return None


async def _names(engine: Engine, pg_merchant_id: str, *merchant_uids: str) -> list[OrderName]:
    return await forgotten_store.order_names_any_merchant(
        engine.database, pg_merchant_id=pg_merchant_id, merchant_uids=merchant_uids
    )


async def _own_order(
    engine: Engine, name: OrderName, pg_order_id: str, *, ordinal: int | None
) -> OwnOrder:
    """`ordinal`: of a charge's request; a window's order number has none."""
    following = name.requests + 1
    return OwnOrder(
        channel=await find_channel(engine, name.merchant_id, name.channel_id),
        merchant_uid=name.merchant_uid,
        pg_order_id=pg_order_id,
        kind=AttemptKind.APPROVE if ordinal is None else AttemptKind.CHARGE,
        attempt_id=f"{name.request_name}-{ordinal or following}",
        is_next=ordinal in (None, following),
        is_proven=ordinal is not None,
    )

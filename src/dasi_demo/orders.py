"""The shop's records: members, orders, subscriptions, webhooks. In memory, with limits.

A real shop stores these in its database. Two rules hold there, too: an order's row is written
*before* the request to the gateway, and `merchant_uid` is unique.
"""

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, Literal

from dasi_demo.catalogue import Item
from dasi_demo.gateway import Card

KST = timezone(timedelta(hours=9), "KST")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
MEMBERS_MAX, ORDERS_MAX, WEBHOOKS_MAX = 1_000, 10_000, 200


class State(StrEnum):
    NEW = "new"
    ASKING = "asking"
    PAID = "paid"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


def new_merchant_uid(kind: str) -> str:
    """Return a new order number, made before the call, by which a lost answer can be looked up."""
    return f"{kind}-{datetime.now(KST):%Y%m%d}-{secrets.token_hex(6)}"


@dataclass(slots=True, kw_only=True)
class Order:
    """One request to the gateway: a card registration, a purchase, or a charge of the card."""

    merchant_uid: str
    kind: Literal["card", "once", "again"]
    item: Item
    amount_krw: int
    customer_uid: str | None
    member: "Member"
    state: State = State.NEW
    reason: str | None = None
    imp_uid: str | None = None
    receipt_url: str | None = None
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    requested_at: datetime = NEVER
    looked_up_at: datetime = NEVER
    is_acted_on: bool = False
    """The effects of the payment are done: a webhook sent again must not repeat them."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def shown_at(self) -> datetime:
        return max(self.made_at, self.requested_at)

    @property
    def is_open(self) -> bool:
        """Asked, and not known: nothing else may be charged for it."""
        return self.state in (State.ASKING, State.UNKNOWN)


@dataclass(slots=True, kw_only=True)
class Subscription:
    plan: Item
    member: "Member"
    customer_uid: str
    next_charge: Order
    card: Card | None = None
    charges: list[Order] = field(default_factory=list)
    ended_at: datetime | None = None
    is_card_deleted: bool = False
    deletion_refused: str | None = None

    @property
    def is_live(self) -> bool:
        return self.ended_at is None

    @property
    def has_unresolved(self) -> bool:
        return any(charge.is_open for charge in self.charges)


@dataclass(slots=True)
class Member:
    """A browser, by its cookie. `customer_uid` stands for this member's card at the gateway."""

    member_id: str
    customer_uid: str
    subscription: Subscription | None = None
    purchases: list[Order] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ReceivedWebhook:
    """A webhook as it came, and the payment as read back from the gateway."""

    at: datetime
    imp_uid: str
    merchant_uid: str
    status: str
    read_status: str | None = None
    read_amount_krw: int | None = None
    verdict: Literal["unread", "agrees", "differs", "unknown"] = "unread"


class OrderStore:
    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.orders: dict[str, Order] = {}
        self.webhooks: deque[ReceivedWebhook] = deque(maxlen=WEBHOOKS_MAX)

    def member(self, member_id: str | None) -> Member:
        """The member of this cookie, or a new one."""
        known = self.members.get(member_id or "")
        if known is not None:
            return known
        fresh = secrets.token_hex(12)
        member = Member(fresh, customer_uid=f"member-{fresh[:12]}")
        _keep(self.members, fresh, member, most=MEMBERS_MAX)
        return member

    def new_order(
        self,
        kind: Literal["card", "once", "again"],
        item: Item,
        member: Member,
        *,
        merchant_uid: str | None = None,
    ) -> Order:
        """Store the order before the request to the gateway."""
        order = Order(
            merchant_uid=merchant_uid or new_merchant_uid(kind),
            kind=kind,
            item=item,
            amount_krw=item.amount_krw,
            customer_uid=None if kind == "once" else member.customer_uid,
            member=member,
        )
        _keep(self.orders, order.merchant_uid, order, most=ORDERS_MAX)
        return order

    def subscription_of(self, customer_uid: str | None) -> Subscription | None:
        for member in self.members.values():
            if member.subscription and member.customer_uid == customer_uid:
                return member.subscription
        return None


def _keep(kept: dict[str, Any], key: str, value: Any, *, most: int) -> None:
    while len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = value

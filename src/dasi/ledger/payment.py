"""The payment of one order: its types and pure rules; no SQL, no outside calls.

`ready`             a window was opened; the PG has no approval request yet
`pending`           a request was sent and its outcome is not known yet: the order is taken
`paid`              the PG approved it (a key issue: the card is registered, nothing is charged)
`partly_cancelled`  a part of it was refunded
`cancelled`         all of it was refunded
`failed`            a decline, an abandoned window, or a request that was not sent

Structs rather than dataclasses: a list creates hundreds of them, ten times as fast.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct
from msgspec.structs import astuple

from dasi.payment_events import PaymentDetails, PaymentFacts, microseconds

AMOUNT_MAX_KRW = 2**31 - 1
"""Iamport's published clients hold amounts in 32 bits."""
MERCHANT_UID_MAX = 255
"""As in PortOne V2. The PG takes 40 characters, so it gets an order number of its own."""


class Status(StrEnum):
    """The statuses of a payment. The module's docstring has their meanings."""

    READY = "ready"
    PENDING = "pending"
    PAID = "paid"
    PARTLY_CANCELLED = "partly_cancelled"
    CANCELLED = "cancelled"
    FAILED = "failed"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.READY: frozenset({Status.PENDING, Status.FAILED}),
    Status.PENDING: frozenset({Status.PAID, Status.FAILED}),
    Status.PAID: frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
    Status.PARTLY_CANCELLED: frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
    Status.CANCELLED: frozenset(),
    Status.FAILED: frozenset(),
}


def assert_may_become(now: Status, then: Status) -> None:
    """Assert that a status may follow another by `TRANSITIONS`; a failure is a bug."""
    assert then in TRANSITIONS[now], f"a payment that is {now} cannot become {then}"


class Buyer(Struct, frozen=True, kw_only=True):
    """The payer's data, as the page or the merchant's server sent it."""

    name: str | None = None
    email: str | None = None
    tel: str | None = None
    addr: str | None = None
    postcode: str | None = None


class ChargeDetails(Struct, frozen=True, kw_only=True):
    """The fields of a charge that a request, a schedule and a reservation share."""

    merchant_uid: str
    amount_krw: int
    name: str | None = None
    """What is absent here and in `buyer` is inherited from the billing key."""
    buyer: Buyer = Buyer()
    tax_free_krw: int | None = None
    quota_months: int = 0
    custom_data: str | None = None
    """JSON text, as the merchant sent it."""
    notice_urls: tuple[str, ...] = ()


class PaidCard(Struct, frozen=True, kw_only=True):
    """The card as the PG describes it. `brand` is our slug; interfaces map it to their codes."""

    brand: str | None
    name: str | None
    issuer_code: str | None
    number_masked: str | None
    kind: Literal["credit", "check", "gift"] | None
    quota_months: int


class Cancellation(Struct, frozen=True, kw_only=True):
    """One cancel that the PG confirmed."""

    cancellation_id: str
    cancel_tid: str
    amount_krw: int
    reason: str | None
    cancelled_at: datetime
    receipt_url: str | None


_OTHERS = ("card_", "started_at_us", "paid_at_us", "failed_at_us")
_DETAILS = [name for name in PaymentDetails.__struct_fields__ if not name.startswith(_OTHERS)]


class Payment(Struct, frozen=True, kw_only=True):
    """The money of one order, or one card registration, in its present state."""

    merchant_id: int
    imp_uid: str
    merchant_uid: str
    purpose: Literal["payment", "key_issue"]
    status: Status
    amount_krw: int
    """Of a key issue: the amount that the window shows, which is never charged."""
    cancelled_krw: int
    tax_free_krw: int | None
    """The tax-free part of `amount_krw`; None: the PG taxed the whole amount by default."""
    cancelled_tax_free_krw: int
    source: Literal["pc", "mobile", "api"]
    provider: str
    pg_merchant_id: str
    is_sandbox: bool
    name: str
    buyer: Buyer
    customer_uid: str | None
    custom_data: str | None
    notice_urls: tuple[str, ...]
    user_agent: str | None
    pg_tid: str | None
    approval_no: str | None
    card: PaidCard
    receipt_url: str | None
    fail_code: str | None
    fail_reason: str | None
    started_at: datetime
    paid_at: datetime | None
    failed_at: datetime | None
    cancelled_at: datetime | None
    cancels: tuple[Cancellation, ...]
    """Oldest first."""
    channel_id: int
    is_scheduled: bool
    """A run of a schedule created it."""
    can_cancel_in_part: bool | None
    """As the PG reports it for this approval; None without a report."""
    version: int
    """Counts the changes of this payment; webhooks carry it."""

    @property
    def facts(self) -> PaymentFacts:
        """The row, as events state it."""
        card = self.card
        return PaymentFacts(
            merchant_id=self.merchant_id,
            merchant_uid=self.merchant_uid,
            status=self.status.value,
            amount_krw=self.amount_krw,
            personal=(*astuple(self.buyer), self.custom_data, self.user_agent),
            details=PaymentDetails(
                card_brand=card.brand,
                card_name=card.name,
                card_issuer_code=card.issuer_code,
                card_number=card.number_masked,
                card_kind=card.kind,
                card_quota=card.quota_months,
                started_at_us=microseconds(self.started_at),
                paid_at_us=microseconds(self.paid_at),
                failed_at_us=microseconds(self.failed_at),
                **{name: getattr(self, name) for name in _DETAILS},
            ),
        )

    @property
    def remain_krw(self) -> int:
        """The amount that may still be cancelled."""
        return self.amount_krw - self.cancelled_krw

    @property
    def remain_tax_free_krw(self) -> int:
        """The tax-free part of `remain_krw`."""
        return (self.tax_free_krw or 0) - self.cancelled_tax_free_krw

    def tax_free_range(self, cancel_krw: int) -> tuple[int, int]:
        """Return the least and the greatest tax-free part of a cancel of this amount (M8)."""
        remain_taxed_krw = self.remain_krw - self.remain_tax_free_krw
        return max(0, cancel_krw - remain_taxed_krw), min(cancel_krw, self.remain_tax_free_krw)

"""Iamport's objects (Iamport V1 1.5): every field, its type, and whether it may be null.

Views build these objects, the encoder writes them, and OpenAPI is made from them. Fields are in the
order observed, alphabetical; every field is always present. Unused text is null, unused numbers and
times are 0, unused lists are empty. Times are epoch seconds, amounts whole won.
"""

import builtins
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

Row = TypeVar("Row")
EpochS = Annotated[int, Meta(ge=0, description="epoch seconds; 0: not applicable")]
Won = Annotated[int, Meta(ge=0, description="whole won")]
Status = Literal["ready", "paid", "cancelled", "failed"]
Usage = Literal["issue", "payment", "payment.scheduled"]


class Cancellation(Struct, kw_only=True):
    """`PaymentCancelAnnotation`: one cancel of a payment."""

    amount: Won
    cancellation_id: str
    cancelled_at: EpochS
    pg_tid: str | None
    reason: str | None
    receipt_url: str | None


class Promotion(Struct, kw_only=True):
    """A discount of the PG; KICC has none."""

    discount: Won
    id: str


class PaymentObject(Struct, kw_only=True):
    """`PaymentAnnotation`. A partial cancel reads `cancelled` too: compare the two amounts."""

    amount: Won
    apply_num: str | None
    bank_code: str | None
    bank_name: str | None
    buyer_addr: str | None
    buyer_email: str | None
    buyer_name: str | None
    buyer_postcode: str | None
    buyer_tel: str | None
    cancel_amount: Won
    cancel_history: list[Cancellation]
    cancel_reason: str | None
    cancel_receipt_urls: list[str]
    cancelled_at: EpochS
    card_code: str | None
    card_issuer_code: str | None
    card_issuer_name: str | None
    card_name: str | None
    card_number: str | None
    card_publisher_code: str | None
    card_publisher_name: str | None
    card_quota: Annotated[int, Meta(ge=0, description="months; 0 is a lump sum")]
    card_type: Annotated[int, Meta(ge=0, le=1, description="0 credit, 1 check")] | None
    cash_receipt_issued: bool
    channel: Literal["pc", "mobile", "api"]
    currency: Literal["KRW"]
    custom_data: str | None
    customer_uid: str | None
    customer_uid_usage: Usage | None
    emb_pg_provider: str | None
    escrow: bool
    fail_reason: str | None
    failed_at: EpochS
    imp_uid: str
    merchant_uid: str
    name: str | None
    paid_at: EpochS
    pay_method: str
    pg_id: str
    pg_provider: str
    pg_tid: str | None
    promotion: Promotion | None
    receipt_url: str | None
    sandbox: bool
    started_at: EpochS
    status: Status
    user_agent: str | None
    vbank_code: str | None
    vbank_date: EpochS
    vbank_holder: str | None
    vbank_issued_at: EpochS
    vbank_name: str | None
    vbank_num: str | None


class CustomerObject(Struct, kw_only=True):
    """`CustomerAnnotation`: a billing key. The PG's key itself is never shown (B3)."""

    card_code: str | None
    card_issuer_code: str | None
    card_issuer_name: str | None
    card_name: str | None
    card_number: str | None
    card_publisher_code: str | None
    card_publisher_name: str | None
    card_type: Annotated[int, Meta(ge=0, le=1)] | None
    customer_addr: str | None
    customer_email: str | None
    customer_id: str | None
    customer_name: str | None
    customer_postcode: str | None
    customer_tel: str | None
    customer_uid: str
    inserted: EpochS
    pg_id: str
    pg_provider: str
    sandbox: bool
    updated: EpochS


class Paged(Struct, Generic[Row], kw_only=True):
    """One page of a list. `previous` and `next` are page numbers, 0 for none."""

    total: Annotated[int, Meta(ge=0)]
    previous: Annotated[int, Meta(ge=0)]
    next: Annotated[int, Meta(ge=0)]
    list: builtins.list[Row]


class TokenObject(Struct, kw_only=True):
    """The response of `getToken`: exactly these three fields, in this order."""

    access_token: str
    now: EpochS
    expired_at: EpochS


class PrepareObject(Struct, kw_only=True):
    """`PaymentPrepareAnnotation`: the values that the window of an order must have.

    Those that Iamport lacks appear only if they were registered.
    """

    merchant_uid: str
    amount: Won
    currency: Literal["KRW"] | None
    customer_uid: str | UnsetType = UNSET
    notice_url: list[str] | UnsetType = UNSET
    m_redirect_url: str | UnsetType = UNSET
    confirm_url: str | UnsetType = UNSET


class StandardCode(Struct, kw_only=True):
    """A card company or a bank."""

    code: str
    name: str


class ChannelObject(Struct, kw_only=True):
    """`PgSetting`: one of the merchant's contracts with a PG."""

    pg_provider: str
    pg_id: str
    sandbox: bool
    type: Literal["payment", "api_payment", "certification"]
    channel_name: str
    channel_key: str


class ScheduleObject(Struct, kw_only=True):
    """`ScheduleResult`: a scheduled payment, its fields in the order observed.

    A time is 0 until its event happens.
    """

    customer_uid: str
    merchant_uid: str
    imp_uid: str | None
    customer_id: str | None
    schedule_at: EpochS
    executed_at: EpochS
    revoked_at: EpochS
    amount: Won
    name: str
    buyer_name: str | None
    buyer_tel: str | None
    buyer_email: str | None
    buyer_addr: str | None
    buyer_postcode: str | None
    schedule_status: Literal["scheduled", "executed", "revoked"]
    payment_status: Literal["paid", "failed", "cancelled"] | None
    fail_reason: str | None
    custom_data: str | None
    currency: Literal["KRW"]


class EventObject(Struct, kw_only=True):
    """One event of the feed. `data` is the body of its webhook."""

    cursor: int
    id: str
    type: str
    resource_id: str
    version: int
    at: EpochS
    data: dict[str, str]


class FeedObject(Struct, kw_only=True):
    """A page of the feed: `next_cursor` reads the next page, `remaining` events follow."""

    events: list[EventObject]
    next_cursor: int
    remaining: int


class ClockObject(Struct, kw_only=True):
    """The clock of a test merchant, and how many tasks ran while it advanced."""

    now: EpochS
    charges: int
    lookups: int
    webhooks: int

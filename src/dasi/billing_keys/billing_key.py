"""The billing key: 1:1 with `customer_uid` within a merchant (B1)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from dasi.foundation.reencrypt import EncryptedColumn

CUSTOMER_UID_MAX = 80

KeyStatus = Literal["active", "replaced", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Whose card it is, as the registering page told it. Later charges inherit it."""

    customer_id: str | None = None
    name: str | None = None
    tel: str | None = None
    email: str | None = None
    addr: str | None = None
    postcode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingKey:
    merchant_id: int
    billing_key_id: str
    customer_uid: str
    channel_id: int
    provider: str
    pg_merchant_id: str
    is_sandbox: bool
    sealed_key: bytes = field(repr=False)
    """The PG's key. Opened only for the length of a call, never shown (B3)."""
    card_brand: str | None
    card_name: str | None
    card_issuer_code: str | None
    card_number: str | None
    """Masked by the PG."""
    card_kind: Literal["credit", "check", "gift"] | None
    order_name: str | None
    """What the registering order was called: the name of charges that give none."""
    customer: Customer
    issued_at: datetime
    """By the PG's clock: which of two keys is the newer one is not decided by when we heard."""
    updated_at: datetime


class SealedKey(Protocol):
    """What it takes to open a key: a `BillingKey`, or a row that names as much."""

    @property
    def merchant_id(self) -> int: ...
    @property
    def customer_uid(self) -> str: ...
    @property
    def sealed_key(self) -> bytes: ...


def associated_data(merchant_id: int, customer_uid: str) -> str:
    """Where a sealed key belongs: moved to another customer's row it does not open."""
    return f"merchant {merchant_id} customer {customer_uid}"


SEALED_KEYS = EncryptedColumn(
    label="billing keys",
    table="billing_keys",
    key=("merchant_id", "billing_key_id"),
    column="sealed_key",
    associated_data=lambda row: associated_data(row["merchant_id"], row["customer_uid"]),
)

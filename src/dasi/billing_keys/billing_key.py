"""The billing key: 1:1 with `customer_uid` within a merchant (B1)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from dasi.foundation.vault import EncryptedColumn

CUSTOMER_UID_MAX = 80

KeyStatus = Literal["active", "replaced", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The owner of the card, as the registering page names them. Later charges inherit it."""

    customer_id: str | None = None
    name: str | None = None
    tel: str | None = None
    email: str | None = None
    addr: str | None = None
    postcode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingKey:
    """The stored right to charge a card, as one row."""

    merchant_id: int
    billing_key_id: str
    customer_uid: str
    channel_id: int
    provider: str
    pg_merchant_id: str
    is_sandbox: bool
    sealed_key: bytes = field(repr=False)
    """The PG's key. Unsealed only for one request, never shown (B3)."""
    card_brand: str | None
    card_name: str | None
    card_issuer_code: str | None
    card_number: str | None
    """Masked by the PG."""
    card_kind: Literal["credit", "check", "gift"] | None
    order_name: str | None
    """The order name of the registration: the default for charges without one."""
    customer: Customer
    issued_at: datetime
    """By the PG's clock, which decides the newer of two keys; our own may receive them late."""
    updated_at: datetime


class SealedKey(Protocol):
    """The fields that unseal a key: those of a `BillingKey`, or of a row that has them."""

    @property
    def merchant_id(self) -> int: ...
    @property
    def billing_key_id(self) -> str: ...
    @property
    def customer_uid(self) -> str: ...
    @property
    def sealed_key(self) -> bytes: ...


class ChargedKey(Protocol):
    """The fields that name a key: those of a `BillingKey`, or of a reserved charge."""

    @property
    def merchant_id(self) -> int: ...
    @property
    def customer_uid(self) -> str: ...
    @property
    def billing_key_id(self) -> str: ...


SEALED_KEYS = EncryptedColumn(
    title="billing keys",
    table="billing_keys",
    key=("merchant_id", "billing_key_id"),
    column="sealed_key",
    bound_to=("merchant_id", "billing_key_id", "customer_uid"),
)

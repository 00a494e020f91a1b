"""A billing key as a list shows it: what it is, never the key itself."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingKeySummary:
    billing_key_id: str
    customer_uid: str
    status: str
    card_name: str | None
    card_number: str | None
    card_kind: str | None
    customer_name: str | None
    pg_merchant_id: str
    issued_at: datetime
    updated_at: datetime
    pg_deleted_at: datetime | None
    manual_review_reason: str | None
    shared_with: str | None
    """The active key that is the same key at the PG: it ends when that one does."""

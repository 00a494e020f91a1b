"""A billing key as a list shows it: what it is, never the key itself."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    billing_key_id: str
    customer_uid: str
    status: str
    card_name: str | None
    card_number: str | None
    card_kind: str | None
    customer_name: str | None
    mall_id: str
    issued_at: datetime
    updated_at: datetime
    pg_removed_at: datetime | None
    manual_review_reason: str | None
    lives_on_in: str | None
    """The live key that is the same key at the PG: it ends when that one does."""

"""Browse a merchant's billing keys: newest first, page by page by key."""

from dataclasses import dataclass
from datetime import datetime

from dasi.billing_keys import list_store
from dasi.billing_keys.summary import BillingKeySummary
from dasi.engine import Engine

_LIMIT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPage:
    keys: tuple[BillingKeySummary, ...]
    next_cursor: tuple[datetime, str] | None
    """Where the next page begins; None: this is the last one."""


async def browse_keys(
    engine: Engine,
    merchant_id: int,
    *,
    words: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> KeyPage:
    """`words`: a `customer_uid`, the customer's name, or the card's last four digits, whole."""
    assert 1 <= limit <= _LIMIT_MAX, "checked by whoever asks"
    rows = await list_store.page(
        engine.database, merchant_id, words=words, after=after, limit=limit + 1
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return KeyPage(
        keys=tuple(rows[:limit]),
        next_cursor=(last.issued_at, last.billing_key_id) if last else None,
    )


async def keys_of_customer(
    engine: Engine, merchant_id: int, customer_uid: str
) -> list[BillingKeySummary]:
    """The active one and those before it, newest first."""
    return await list_store.of_customer(engine.database, merchant_id, customer_uid)

"""List a merchant's billing keys, newest first, page by page."""

from dataclasses import dataclass
from datetime import datetime

from dasi.billing_keys import list_store
from dasi.billing_keys.list_store import BillingKeySummary
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
    query: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> KeyPage:
    """Return a page of active keys, those that match `query` if it is not None.

    `query` is a whole `customer_uid`, customer's name, or last four digits of a card.
    """
    assert 1 <= limit <= _LIMIT_MAX, "checked by the caller"
    rows = await list_store.page(
        engine.database, merchant_id, query=query, after=after, limit=limit + 1
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return KeyPage(
        keys=tuple(rows[:limit]),
        next_cursor=(last.issued_at, last.billing_key_id) if last else None,
    )


async def keys_of_customer(
    engine: Engine, merchant_id: int, customer_uid: str
) -> list[BillingKeySummary]:
    """Return the active key and those before it, newest first."""
    return await list_store.of_customer(engine.database, merchant_id, customer_uid)

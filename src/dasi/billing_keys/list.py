"""List a merchant's billing keys, newest first, page by page."""

from dasi.billing_keys import list_store
from dasi.billing_keys.list_store import BillingKeySummary
from dasi.engine import Engine
from dasi.foundation.pages import Cursor, Page, make_page

_LIMIT_MAX = 200


async def browse_keys(
    engine: Engine,
    merchant_id: int,
    *,
    query: str | None,
    matches_name: bool = True,
    after: Cursor | None,
    limit: int,
) -> Page[BillingKeySummary]:
    """Return a page of active keys, those that match `query` if it is not None.

    `query` is a whole `customer_uid`, last four digits of a card or, with `matches_name`, a
    customer's name.
    """
    assert 1 <= limit <= _LIMIT_MAX, "checked by the caller"
    rows = await list_store.page(
        engine.database,
        merchant_id,
        query=query,
        matches_name=matches_name,
        after=after,
        limit=limit + 1,
    )
    return make_page(
        rows, limit=limit, cursor=lambda key: Cursor(key.issued_at, key.billing_key_id)
    )


async def keys_of_customer(
    engine: Engine, merchant_id: int, customer_uid: str
) -> list[BillingKeySummary]:
    """Return the active key and those before it, newest first."""
    return await list_store.of_customer(engine.database, merchant_id, customer_uid)

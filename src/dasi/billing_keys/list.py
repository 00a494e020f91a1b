"""Browse a merchant's billing keys: newest first, page by page by key."""

from dasi.billing_keys import list_store
from dasi.billing_keys.summary import BillingKeySummary
from dasi.engine import Engine
from dasi.foundation.pages import Cursor, Page, make_page

_LIMIT_MAX = 200


async def browse_keys(
    engine: Engine,
    merchant_id: int,
    *,
    words: str | None,
    after: Cursor | None,
    limit: int,
) -> Page[BillingKeySummary]:
    """`words`: a `customer_uid`, the customer's name, or the card's last four digits, whole."""
    assert 1 <= limit <= _LIMIT_MAX, "checked by whoever asks"
    rows = await list_store.page(
        engine.database, merchant_id, words=words, after=after, limit=limit + 1
    )
    return make_page(
        rows, limit=limit, cursor=lambda key: Cursor(key.issued_at, key.billing_key_id)
    )


async def keys_of_customer(
    engine: Engine, merchant_id: int, customer_uid: str
) -> list[BillingKeySummary]:
    """The active one and those before it, newest first."""
    return await list_store.of_customer(engine.database, merchant_id, customer_uid)

"""Browse a merchant's payments: newest first, page by page by key, found by any word they carry."""

from collections.abc import AsyncIterator

from dasi.engine import Engine
from dasi.foundation.pages import Cursor, Page, make_page
from dasi.ledger import Payment
from dasi.reporting import console_search_store
from dasi.reporting.search_terms import PaymentQuery, parse_search

_EXPORT_PAGE = 1_000


async def browse_payments(
    engine: Engine, merchant_id: int, query: PaymentQuery, *, after: Cursor | None, limit: int
) -> Page[Payment]:
    """One page, newest first."""
    assert 1 <= limit <= _EXPORT_PAGE, "checked by whoever asks"
    rows = await console_search_store.page(
        engine.database,
        merchant_id,
        query,
        words=None if query.words is None else parse_search(merchant_id, query.words),
        after=after,
        limit=limit + 1,
    )
    return make_page(
        rows, limit=limit, cursor=lambda payment: Cursor(payment.started_at, payment.imp_uid)
    )


async def iter_payments(
    engine: Engine, merchant_id: int, query: PaymentQuery
) -> AsyncIterator[Payment]:
    """All of them, a page at a time, so that an export of any size needs little memory."""
    after: Cursor | None = None
    while True:
        page = await browse_payments(engine, merchant_id, query, after=after, limit=_EXPORT_PAGE)
        for payment in page.rows:
            yield payment
        after = page.next_cursor
        if after is None:
            return

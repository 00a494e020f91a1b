"""Browse a merchant's payments: newest first, page by page by key, found by any word they carry."""

from collections.abc import AsyncIterator

from dasi.engine import Engine
from dasi.ledger import Payment
from dasi.reporting import console_search_store
from dasi.reporting.search_terms import Cursor, PaymentPage, PaymentQuery, parse_search

_EXPORT_PAGE = 1_000


async def browse_payments(
    engine: Engine, merchant_id: int, query: PaymentQuery, *, after: Cursor | None, limit: int
) -> PaymentPage:
    """One page, newest first."""
    assert 1 <= limit <= _EXPORT_PAGE, "checked by whoever asks"
    rows = await console_search_store.page(
        engine.database,
        merchant_id,
        query,
        words=None if query.words is None else parse_search(merchant_id, query.words),
        after=None if after is None else (after.started_at, after.imp_uid),
        limit=limit + 1,
    )
    shown = tuple(rows[:limit])
    last = shown[-1] if len(rows) > limit else None
    return PaymentPage(
        payments=shown,
        next_cursor=Cursor(started_at=last.started_at, imp_uid=last.imp_uid) if last else None,
    )


async def iter_payments(
    engine: Engine, merchant_id: int, query: PaymentQuery
) -> AsyncIterator[Payment]:
    """All of them, a page at a time, so that an export of any size needs little memory."""
    after: Cursor | None = None
    while True:
        found = await browse_payments(engine, merchant_id, query, after=after, limit=_EXPORT_PAGE)
        for payment in found.payments:
            yield payment
        after = found.next_cursor
        if after is None:
            return

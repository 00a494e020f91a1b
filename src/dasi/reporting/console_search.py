"""Browse a merchant's payments: newest first, page by page by key, found by any word they carry."""

from collections.abc import AsyncIterator

from dasi.engine import Engine
from dasi.ledger import Payment
from dasi.reporting import console_search_store
from dasi.reporting.search_terms import Browse, Found, Place, words_of

_EXPORT_PAGE = 1_000


async def browse_payments(
    engine: Engine, merchant_id: int, wanted: Browse, *, behind: Place | None, limit: int
) -> Found:
    """One page, newest first."""
    assert 1 <= limit <= _EXPORT_PAGE, "checked by whoever asks"
    rows = await console_search_store.page(
        engine.database,
        merchant_id,
        wanted,
        words=None if wanted.words is None else words_of(merchant_id, wanted.words),
        behind=None if behind is None else (behind.started_at, behind.imp_uid),
        limit=limit + 1,
    )
    shown = tuple(rows[:limit])
    last = shown[-1] if len(rows) > limit else None
    return Found(
        payments=shown,
        next_place=Place(started_at=last.started_at, imp_uid=last.imp_uid) if last else None,
    )


async def every_payment(engine: Engine, merchant_id: int, wanted: Browse) -> AsyncIterator[Payment]:
    """All of them, a page at a time, so that an export of any size needs little memory."""
    behind: Place | None = None
    while True:
        found = await browse_payments(
            engine, merchant_id, wanted, behind=behind, limit=_EXPORT_PAGE
        )
        for payment in found.payments:
            yield payment
        behind = found.next_place
        if behind is None:
            return

"""Find payments. Every search is one merchant's."""

from collections.abc import Sequence

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.ledger import Payment, Status
from dasi.reporting import payment_list_store
from dasi.reporting.payment_filter import NEWEST_FIRST, PaymentFilter, Sorting, VersionPage


async def find_payments(
    engine: Engine, merchant_id: int, *, imp_uids: Sequence[str], merchant_uids: Sequence[str]
) -> list[Payment]:
    """The payments of these ids, and the newest of each of these orders, newest first."""
    return await payment_list_store.payments_of_ids(
        engine.database, merchant_id, imp_uids=imp_uids, merchant_uids=merchant_uids
    )


async def find_by_order(
    engine: Engine,
    merchant_id: int,
    merchant_uid: str,
    *,
    statuses: frozenset[Status],
    sorting: Sorting = NEWEST_FIRST,
) -> Payment:
    """The first payment of an order in one of `statuses`; `NotFound("unknown_payment")`."""
    found = await payment_list_store.first(
        engine.database,
        merchant_id,
        PaymentFilter(merchant_uid=merchant_uid, statuses=statuses),
        sorting=sorting,
    )
    if found is None:
        raise NotFound("unknown_payment", merchant_uid=merchant_uid[:40])
    return found


async def list_payments(
    engine: Engine,
    merchant_id: int,
    filters: PaymentFilter,
    *,
    sorting: Sorting,
    page: int,
    limit: int,
) -> VersionPage:
    """One page, counted from 1. A page beyond the end is empty; `total` says how many there are.

    `find_payments` gives the payments themselves, in another order.
    """
    before = (page - 1) * limit
    found = await payment_list_store.page(
        engine.database, merchant_id, filters, sorting=sorting, offset=before, limit=limit
    )
    if len(found) < limit and (found or page == 1):
        return VersionPage(found=found, total=before + len(found))
    total = await payment_list_store.total(engine.database, merchant_id, filters)
    # Read a moment later: some of those found may have left the list since.
    return VersionPage(found=found, total=max(total, before + len(found)))

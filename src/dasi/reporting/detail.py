"""A payment's whole story: its events, every request to the PG, its windows."""

from dasi.engine import Engine
from dasi.foundation.pages import Cursor, Page, make_page
from dasi.ledger import find_payment
from dasi.reporting import detail_store
from dasi.reporting.detail_types import PaymentDetail, UnresolvedAttemptSummary


async def get_payment_detail(engine: Engine, merchant_id: int, imp_uid: str) -> PaymentDetail:
    """`NotFound("unknown_payment")` if this merchant has no such payment."""
    payment = await find_payment(engine, merchant_id, imp_uid)
    return PaymentDetail(
        payment=payment,
        events=tuple(await detail_store.events(engine.database, merchant_id, imp_uid)),
        attempts=tuple(await detail_store.attempts(engine.database, merchant_id, imp_uid)),
        windows=tuple(await detail_store.windows(engine.database, merchant_id, imp_uid)),
    )


async def list_unresolved_of_merchant(
    engine: Engine, merchant_id: int, *, limit: int
) -> list[UnresolvedAttemptSummary]:
    """The worklist: those with a person first, then by deadline."""
    return await detail_store.unresolved(engine.database, merchant_id, limit=limit)


async def list_unresolved_page(
    engine: Engine,
    merchant_id: int,
    *,
    is_manual: bool,
    after: Cursor | None,
    limit: int,
) -> Page[UnresolvedAttemptSummary]:
    """One page of half of the worklist, soonest deadline first."""
    rows = await detail_store.unresolved_page(
        engine.database,
        merchant_id,
        is_manual=is_manual,
        after=after,
        limit=limit + 1,
    )
    return make_page(
        rows,
        limit=limit,
        cursor=lambda attempt: Cursor(attempt.deadline_at, attempt.attempt_id),
    )


async def is_unresolved(engine: Engine, merchant_id: int, attempt_id: str) -> bool:
    """Whether this is a request of the merchant's whose outcome is not known."""
    return await detail_store.is_unresolved(engine.database, merchant_id, attempt_id)

"""The unresolved attempts of all merchants, for operators."""

from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.ledger import attempt_store

LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedAttempt:
    """One request to the PG whose outcome is not known, and what happens with it."""

    merchant_code: str
    imp_uid: str
    merchant_uid: str
    kind: str
    amount_krw: int
    pg_merchant_id: str
    pg_order_id: str | None
    attempt_id: str
    pg_tid: str | None
    """What an answer that failed a check claimed, if there was one."""
    asked_at: datetime
    detail: str
    lookups: int
    next_lookup_at: datetime | None
    deadline_at: datetime
    is_manual: bool


async def list_unresolved(engine: Engine) -> list[UnresolvedAttempt]:
    """Those with a person first, then by deadline."""
    rows = await attempt_store.unresolved_any_merchant(engine.database, limit=LIMIT)
    return [
        UnresolvedAttempt(
            merchant_code=row["merchant_code"],
            imp_uid=row["imp_uid"],
            merchant_uid=row["merchant_uid"],
            kind=row["kind"],
            amount_krw=row["amount_krw"],
            pg_merchant_id=row["pg_merchant_id"],
            pg_order_id=row["pg_order_id"],
            attempt_id=row["attempt_id"],
            pg_tid=row["pg_tid"],
            asked_at=row["sent_at"],
            detail=row["detail"] or "the process that asked ended before it had the answer",
            lookups=row["lookups"],
            next_lookup_at=row["next_lookup_at"],
            deadline_at=row["deadline_at"],
            is_manual=row["escalated_at"] is not None,
        )
        for row in rows
    ]

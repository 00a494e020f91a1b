"""The worklist: every doubt, in words a person can act on at night."""

from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.ledger import attempt_store

LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One request to the PG whose outcome is not known, and what happens with it."""

    merchant_code: str
    imp_uid: str
    merchant_uid: str
    kind: str
    amount_krw: int
    mall_id: str
    shop_order_no: str | None
    attempt_id: str
    pg_tid: str | None
    """What an answer that failed a check claimed, if there was one."""
    asked_at: datetime
    why: str
    looks: int
    next_look_at: datetime | None
    deadline_at: datetime
    is_with_person: bool


async def list_doubts(engine: Engine) -> list[Doubt]:
    """Those with a person first, then by deadline."""
    rows = await attempt_store.open_doubts_any_merchant(engine.database, limit=LIMIT)
    return [
        Doubt(
            merchant_code=row["merchant_code"],
            imp_uid=row["imp_uid"],
            merchant_uid=row["merchant_uid"],
            kind=row["kind"],
            amount_krw=row["amount_krw"],
            mall_id=row["mall_id"],
            shop_order_no=row["shop_order_no"],
            attempt_id=row["attempt_id"],
            pg_tid=row["pg_tid"],
            asked_at=row["sent_at"],
            why=row["why"] or "the process that asked ended before it had the answer",
            looks=row["looks"],
            next_look_at=row["next_look_at"],
            deadline_at=row["deadline_at"],
            is_with_person=row["handed_over_at"] is not None,
        )
        for row in rows
    ]

"""SQL that compares the PG's order numbers with ours. The merchant is known only from the order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderName:
    """An order of a merchant, and the name that its requests at the PG have without an ordinal."""

    merchant_id: int
    channel_id: int
    merchant_uid: str
    request_name: str
    requests: int
    """How many requests of this order the database knows: the next one has the ordinal above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRequest:
    """An approval or a charge that the database knows, under the PG's order number."""

    merchant_code: str
    imp_uid: str
    merchant_uid: str
    attempt_id: str
    pg_order_id: str
    status: str
    state: str
    amount_krw: int
    pg_tid: str | None
    escalated_at: datetime | None


async def order_names_any_merchant(
    database: Database, *, pg_merchant_id: str, merchant_uids: Sequence[str]
) -> list[OrderName]:
    """The names that these orders have, for each merchant with a channel of the MID."""
    rows = await database.fetch(
        """SELECT c.merchant_id, c.channel_id, input.merchant_uid,
                  order_request_name('pay', i.installation_id, c.merchant_id, input.merchant_uid)
                      AS request_name,
                  (SELECT count(*) FROM payments p JOIN pg_attempts a USING (merchant_id, imp_uid)
                   WHERE p.merchant_id = c.merchant_id AND p.merchant_uid = input.merchant_uid
                     AND a.kind IN ('approve', 'charge'))::int AS requests
           FROM channels c
           CROSS JOIN installation i
           CROSS JOIN unnest($2::text[]) AS input (merchant_uid)
           WHERE c.pg_merchant_id = $1""",
        pg_merchant_id,
        list(merchant_uids),
    )
    return [OrderName(**row) for row in rows]


async def scheduled_orders_any_merchant(
    database: Database, *, pg_merchant_id: str, request_name: str
) -> list[str]:
    """The scheduled orders whose requests have this name. It computes the name of each schedule."""
    rows = await database.fetch(
        """SELECT s.merchant_uid FROM schedules s
           JOIN channels c ON c.merchant_id = s.merchant_id AND c.pg_merchant_id = $1
           CROSS JOIN installation i
           WHERE order_request_name('pay', i.installation_id, s.merchant_id, s.merchant_uid) = $2
           LIMIT 2""",
        pg_merchant_id,
        request_name,
    )
    return [row["merchant_uid"] for row in rows]


async def known_requests_any_merchant(
    database: Database, *, pg_merchant_id: str, pg_order_ids: Sequence[str]
) -> dict[str, KnownRequest]:
    """The newest approval or charge of each order number that the database knows."""
    rows = await database.fetch(
        """SELECT DISTINCT ON (a.pg_order_id)
                  m.code AS merchant_code, a.imp_uid, p.merchant_uid, a.attempt_id, a.pg_order_id,
                  p.status, a.state, a.amount_krw, a.pg_tid, a.escalated_at
           FROM pg_attempts a
           JOIN payments p USING (merchant_id, imp_uid)
           JOIN merchants m ON m.merchant_id = a.merchant_id
           WHERE a.pg_merchant_id = $1 AND a.pg_order_id = ANY ($2)
             AND a.kind IN ('approve', 'charge') AND NOT a.is_replaced
           ORDER BY a.pg_order_id, a.sent_at DESC""",
        pg_merchant_id,
        list(pg_order_ids),
    )
    return {row["pg_order_id"]: KnownRequest(**row) for row in rows}

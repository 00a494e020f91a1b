"""SQL of lists of billing keys. No statement here reads the sealed key."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dasi.foundation.db import Database

_LINE = """k.billing_key_id, k.customer_uid, k.status, k.card_name, k.card_number, k.card_kind,
    k.customer_name, c.pg_merchant_id, c.is_sandbox, k.issued_at, k.updated_at, k.pg_deleted_at,
    k.manual_review_reason, k.shared_with,
    CASE WHEN k.status = 'replaced' AND k.deletion_attempts = 0 THEN k.next_deletion_at END
    AS restorable_until"""
_SOURCE = """billing_keys k
    JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingKeySummary:
    """A billing key in a list, without the key itself."""

    billing_key_id: str
    customer_uid: str
    status: str
    card_name: str | None
    card_number: str | None
    card_kind: str | None
    customer_name: str | None
    pg_merchant_id: str
    is_sandbox: bool
    issued_at: datetime
    updated_at: datetime
    pg_deleted_at: datetime | None
    manual_review_reason: str | None
    shared_with: str | None
    """The active key that is the same key at the PG: both are deleted together."""
    restorable_until: datetime | None
    """When a replaced key is deleted at the PG."""


async def page(
    database: Database,
    merchant_id: int,
    *,
    query: str | None,
    matches_name: bool,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[BillingKeySummary]:
    """Return active keys, newest first. Each kind of `query` uses an index of its own."""
    values: list[Any] = [merchant_id, limit, *(after or ())]
    further = "" if after is None else "AND (k.issued_at, k.billing_key_id) < ($3, $4)"
    terms = ["true"]
    if query is not None:
        values += [query, shown_digits(query)]
        text, digits = f"${len(values) - 1}", f"${len(values)}"
        # One list for each term: a single list with OR would read all keys in their order.
        terms = [
            f"k.customer_uid = {text}",
            *([f"k.customer_name = {text}"] if matches_name else []),
            f"right(k.card_number, 4) = {text}",
            f"right(k.card_number, 4) = {digits}",
        ]
    lists = " UNION ".join(
        f"""(SELECT k.billing_key_id, k.issued_at FROM billing_keys k
             WHERE k.merchant_id = $1 AND k.status = 'active' AND {term} {further}
             ORDER BY k.issued_at DESC, k.billing_key_id DESC LIMIT $2)"""
        for term in terms
    )
    rows = await database.fetch(
        f"""SELECT {_LINE} FROM {_SOURCE}
            JOIN (SELECT matched.billing_key_id FROM ({lists}) AS matched
                  ORDER BY matched.issued_at DESC, matched.billing_key_id DESC LIMIT $2) AS page
              ON page.billing_key_id = k.billing_key_id
            WHERE k.merchant_id = $1
            ORDER BY k.issued_at DESC, k.billing_key_id DESC""",
        *values,
    )
    return [BillingKeySummary(**row) for row in rows]


def shown_digits(query: str) -> str:
    """Return a card's last four digits as KICC shows them, with the last one masked."""
    return f"{query[:3]}*" if re.fullmatch(r"[0-9]{4}", query) else query


async def of_customer(
    database: Database, merchant_id: int, customer_uid: str
) -> list[BillingKeySummary]:
    rows = await database.fetch(
        f"""SELECT {_LINE} FROM {_SOURCE}
            WHERE k.merchant_id = $1 AND k.customer_uid = $2
            ORDER BY (k.status = 'active') DESC, k.issued_at DESC LIMIT 50""",
        merchant_id,
        customer_uid,
    )
    return [BillingKeySummary(**row) for row in rows]

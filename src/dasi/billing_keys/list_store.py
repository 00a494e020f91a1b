"""SQL of the billing keys' room: lists for people. No statement here reads the sealed key."""

import re
from datetime import datetime
from typing import Any

from dasi.billing_keys.summary import BillingKeySummary
from dasi.foundation.db import Database

_LINE = """k.billing_key_id, k.customer_uid, k.status, k.card_name, k.card_number, k.card_kind,
    k.customer_name, c.pg_merchant_id, k.issued_at, k.updated_at, k.pg_deleted_at,
    k.manual_review_reason, k.shared_with"""
_SOURCE = """billing_keys k
    JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id"""


async def page(
    database: Database,
    merchant_id: int,
    *,
    words: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[BillingKeySummary]:
    """Active ones, newest first. Each kind of word is looked for by an index of its own."""
    values: list[Any] = [merchant_id, limit, *(after or ())]
    further = "" if after is None else "AND (k.issued_at, k.billing_key_id) < ($3, $4)"
    terms = ["true"]
    if words is not None:
        values += [words, shown_digits(words)]
        word, digits = f"${len(values) - 1}", f"${len(values)}"
        # Each by itself: of either one or the other, the list of all would be read in its order.
        terms = [
            f"k.customer_uid = {word}",
            f"k.customer_name = {word}",
            f"right(k.card_number, 4) = {word}",
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
            JOIN (SELECT one.billing_key_id FROM ({lists}) AS one
                  ORDER BY one.issued_at DESC, one.billing_key_id DESC LIMIT $2) AS found
              ON found.billing_key_id = k.billing_key_id
            WHERE k.merchant_id = $1
            ORDER BY k.issued_at DESC, k.billing_key_id DESC""",
        *values,
    )
    return [BillingKeySummary(**row) for row in rows]


def shown_digits(words: str) -> str:
    """The last four of a card as KICC shows them: the last one is hidden."""
    return f"{words[:3]}*" if re.fullmatch(r"[0-9]{4}", words) else words


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

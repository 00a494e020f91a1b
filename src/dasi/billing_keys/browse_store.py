"""SQL of the billing keys' room: lists for people. No statement here reads the sealed key."""

from datetime import datetime

from dasi.billing_keys.key_line import KeyLine
from dasi.foundation.db import Database

_LINE = """k.billing_key_id, k.customer_uid, k.status, k.card_name, k.card_number, k.card_kind,
    k.customer_name, c.mall_id, k.issued_at, k.updated_at, k.pg_removed_at, k.needs_person"""
_SOURCE = """billing_keys k
    JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id"""


async def page(
    database: Database,
    merchant_id: int,
    *,
    words: str | None,
    behind: tuple[datetime, str] | None,
    limit: int,
) -> list[KeyLine]:
    """Live ones, newest first."""
    at, key_id = behind or (None, None)
    rows = await database.fetch(
        f"""SELECT {_LINE} FROM {_SOURCE}
            WHERE k.merchant_id = $1 AND k.status = 'live'
              AND ($2::text IS NULL OR k.customer_uid = $2 OR k.customer_name = $2
                   OR right(k.card_number, 4) = $2)
              AND ($3::timestamptz IS NULL OR (k.issued_at, k.billing_key_id) < ($3, $4))
            ORDER BY k.issued_at DESC, k.billing_key_id DESC LIMIT $5""",
        merchant_id,
        words,
        at,
        key_id,
        limit,
    )
    return [KeyLine(**row) for row in rows]


async def of_customer(database: Database, merchant_id: int, customer_uid: str) -> list[KeyLine]:
    rows = await database.fetch(
        f"""SELECT {_LINE} FROM {_SOURCE}
            WHERE k.merchant_id = $1 AND k.customer_uid = $2
            ORDER BY (k.status = 'live') DESC, k.issued_at DESC LIMIT 50""",
        merchant_id,
        customer_uid,
    )
    return [KeyLine(**row) for row in rows]

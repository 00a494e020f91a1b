"""SQL of the payments' room: searches."""

from collections.abc import Sequence
from typing import Any

from dasi.foundation.db import Database
from dasi.payments.payment import Payment
from dasi.payments.payment_filter import PaymentFilter, Sorting
from dasi.payments.store import PAYMENT_COLUMNS, PAYMENT_SOURCE, to_payment

# The only names that a search may be ordered or bounded by.
_CLOCKS = {
    "started": "p.started_at",
    "paid": "p.paid_at",
    "failed": "p.failed_at",
    "cancelled": "p.cancelled_at",
    "updated": "p.updated_at",
}


async def payments(
    database: Database,
    merchant_id: int,
    wanted: PaymentFilter,
    *,
    sorting: Sorting,
    offset: int,
    limit: int,
) -> list[Payment]:
    direction = "DESC" if sorting.newest_first else "ASC"
    condition, values = _condition(wanted)
    rows = await database.fetch(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND {condition}
            ORDER BY {_CLOCKS[sorting.by]} {direction} NULLS LAST, p.imp_uid {direction}
            OFFSET ${len(values) + 2} LIMIT ${len(values) + 3}""",
        merchant_id,
        *values,
        offset,
        limit,
    )
    return [to_payment(row) for row in rows]


async def count(database: Database, merchant_id: int, wanted: PaymentFilter) -> int:
    condition, values = _condition(wanted)
    row = await database.fetchrow(
        f"""SELECT count(*) AS total FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND {condition}""",
        merchant_id,
        *values,
    )
    return 0 if row is None else int(row["total"])


async def payments_of_ids(
    database: Database, merchant_id: int, *, imp_uids: Sequence[str], merchant_uids: Sequence[str]
) -> list[Payment]:
    """By id, and the newest of each order; newest first."""
    rows = await database.fetch(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1
              AND (p.imp_uid = ANY($2::text[])
                   OR p.imp_uid IN (
                       SELECT DISTINCT ON (o.merchant_uid) o.imp_uid FROM payments o
                       WHERE o.merchant_id = $1 AND o.merchant_uid = ANY($3::text[])
                       ORDER BY o.merchant_uid, o.started_at DESC, o.imp_uid DESC))
            ORDER BY p.started_at DESC, p.imp_uid DESC""",
        merchant_id,
        list(imp_uids),
        list(merchant_uids),
    )
    return [to_payment(row) for row in rows]


def _condition(wanted: PaymentFilter) -> tuple[str, list[Any]]:
    """The filter as SQL from $2 on, with its values."""
    terms: list[str] = []
    values: list[Any] = []

    def add(term: str, value: Any) -> None:
        values.append(value)
        terms.append(term.format(f"${len(values) + 1}"))

    add("p.status = ANY({}::text[])", sorted(wanted.statuses))
    if wanted.merchant_uid is not None:
        add("p.merchant_uid = {}", wanted.merchant_uid)
    if wanted.customer_uid is not None:
        add("p.customer_uid = {}", wanted.customer_uid)
    if wanted.since is not None:
        add(f"{_CLOCKS[wanted.clock]} >= {{}}", wanted.since)
    if wanted.until is not None:
        add(f"{_CLOCKS[wanted.clock]} <= {{}}", wanted.until)
    if not wanted.shows_sandbox:
        terms.append("NOT c.is_sandbox")
    return " AND ".join(terms), values

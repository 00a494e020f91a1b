"""SQL of the payments' room: searches."""

from collections.abc import Sequence
from typing import Any

from dasi.foundation.db import Database
from dasi.payments import count_store
from dasi.payments.payment import Payment, Status
from dasi.payments.payment_filter import PaymentFilter, Sorting
from dasi.payments.store import PAYMENT_COLUMNS, PAYMENT_SOURCE, to_payment

# The only names that a search may be ordered or bounded by.
_CLOCKS = {
    "started": "started_at",
    "paid": "paid_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
    "updated": "updated_at",
}


async def page(
    database: Database,
    merchant_id: int,
    wanted: PaymentFilter,
    *,
    sorting: Sorting,
    offset: int,
    limit: int,
) -> tuple[list[Payment], int]:
    """`limit` payments from `offset` on, and how many there are in all."""
    condition, values = _condition(wanted)
    total, more = count_store.total(wanted, condition, values)
    values += more
    select = f"""
            SELECT total.payments AS total, page.* FROM (SELECT {total} AS payments) AS total
            LEFT JOIN (
                SELECT {_clock(sorting)} AS sorted_by, {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
                WHERE p.merchant_id = $1 AND {condition}
                ORDER BY {_order(wanted, sorting, _clock(sorting), "p.imp_uid")}
                OFFSET ${len(values) + 2} LIMIT ${len(values) + 3}) AS page ON true
            ORDER BY {_order(wanted, sorting, "page.sorted_by", "page.imp_uid")}"""
    async with database.transaction() as connection:
        # How much lies within a range decides how it is read best. A plan made for any range reads
        # and sorts all of it: at a million payments 400 ms instead of one.
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        rows = await connection.fetch(select, merchant_id, *values, offset, limit)
    found = []
    for row in rows:
        if row["imp_uid"] is not None:
            _total, _sorted_by, *columns = row.items()
            found.append(to_payment(dict(columns)))
    return found, int(rows[0]["total"])


async def first(
    database: Database, merchant_id: int, wanted: PaymentFilter, *, sorting: Sorting
) -> Payment | None:
    condition, values = _condition(wanted)
    row = await database.fetchrow(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND {condition}
            ORDER BY {_order(wanted, sorting, _clock(sorting), "p.imp_uid")} LIMIT 1""",
        merchant_id,
        *values,
    )
    return None if row is None else to_payment(row)


def _clock(sorting: Sorting) -> str:
    return f"p.{_CLOCKS[sorting.by]}"


def _order(wanted: PaymentFilter, sorting: Sorting, clock: str, imp_uid: str) -> str:
    """`NULLS LAST` only where there may be some: an index in order is of no use with it."""
    direction = "DESC" if sorting.newest_first else "ASC"
    has_all = sorting.by in ("started", "updated") or (
        sorting.by == wanted.clock and wanted.since is not None
    )
    nulls = "" if has_all else "NULLS LAST"
    return f"{clock} {direction} {nulls}, {imp_uid} {direction}"


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

    if wanted.statuses != frozenset(Status):
        # As words of the statement: the planner then knows which partial index holds them.
        words = ", ".join(f"'{status.value}'" for status in sorted(wanted.statuses))
        terms.append(f"p.status IN ({words})")
    if wanted.merchant_uid is not None:
        add("p.merchant_uid = {}", wanted.merchant_uid)
    if wanted.customer_uid is not None:
        add("p.customer_uid = {}", wanted.customer_uid)
    if wanted.since is not None:
        add(f"p.{_CLOCKS[wanted.clock]} >= {{}}", wanted.since)
    if wanted.until is not None:
        add(f"p.{_CLOCKS[wanted.clock]} <= {{}}", wanted.until)
    return " AND ".join(terms) or "true", values

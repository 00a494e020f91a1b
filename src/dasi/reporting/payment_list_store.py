"""SQL of the payments' room: searches."""

from collections.abc import Sequence
from typing import Any

from dasi.foundation.db import Database
from dasi.ledger import PAYMENT_COLUMNS, PAYMENT_SOURCE, Payment, Status, to_payment
from dasi.reporting import count_store
from dasi.reporting.payment_filter import PaymentFilter, PaymentVersion, Sorting

# The only names that a search may be ordered or bounded by.
_TIMESTAMP_COLUMNS = {
    "started": "started_at",
    "paid": "paid_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
    "updated": "updated_at",
}


# True, and folded away in a plan that is made for its values. A plan for any values cannot know,
# and so looks dearer than every plan of the other kind: PostgreSQL then never takes it. How much
# lies within a range decides how a list is read best; at a million payments 1 ms instead of 400.
# It is about `p`, so that it is a question of each row, which is never asked; what is none of a
# row's is answered before the first when a plan is run by several processes.
_FORCE_CUSTOM_PLAN = (
    "({} OR (SELECT count(*) FROM generate_series(1, 1000000000) n WHERE n > p.amount_krw) > 0)"
)


async def page(
    database: Database,
    merchant_id: int,
    filters: PaymentFilter,
    *,
    sorting: Sorting,
    offset: int,
    limit: int,
) -> list[PaymentVersion]:
    """`limit` payments from `offset` on."""
    condition, values = _condition(filters)
    anew, skip, take = (f"${len(values) + more}" for more in (2, 3, 4))
    rows = await database.fetch(
        f"""SELECT p.imp_uid, p.version, p.status, p.updated_at, c.is_sandbox FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND {condition} AND {_FORCE_CUSTOM_PLAN.format(anew)}
            ORDER BY {_order(filters, sorting)} OFFSET {skip} LIMIT {take}""",
        merchant_id,
        *values,
        True,
        offset,
        limit,
    )
    return [PaymentVersion(*row) for row in rows]


async def total(database: Database, merchant_id: int, filters: PaymentFilter) -> int:
    """How many payments there are."""
    if count_store.is_kept(filters):
        of_status, _ = _condition(PaymentFilter(statuses=filters.statuses))
        return await count_store.total(database, merchant_id, filters, of_status)
    condition, values = _condition(filters)
    row = await database.fetchrow(
        f"SELECT count(*) AS total FROM payments p WHERE p.merchant_id = $1 AND {condition}",
        merchant_id,
        *values,
    )
    assert row is not None
    return int(row["total"])


async def first(
    database: Database, merchant_id: int, filters: PaymentFilter, *, sorting: Sorting
) -> Payment | None:
    condition, values = _condition(filters)
    row = await database.fetchrow(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND {condition}
            ORDER BY {_order(filters, sorting)} LIMIT 1""",
        merchant_id,
        *values,
    )
    return None if row is None else to_payment(row)


def _order(filters: PaymentFilter, sorting: Sorting) -> str:
    """`NULLS LAST` only where there may be some: an index in order is of no use with it."""
    direction = "DESC" if sorting.newest_first else "ASC"
    has_all = sorting.by in ("started", "updated") or (
        sorting.by == filters.by and filters.since is not None
    )
    nulls = "" if has_all else "NULLS LAST"
    return f"p.{_TIMESTAMP_COLUMNS[sorting.by]} {direction} {nulls}, p.imp_uid {direction}"


async def payments_of_ids(
    database: Database, merchant_id: int, *, imp_uids: Sequence[str], merchant_uids: Sequence[str]
) -> list[Payment]:
    """By id, and the newest of each order; newest first."""
    # First the ids and then their payments: asked in one condition, PostgreSQL reads all payments.
    rows = await database.fetch(
        f"""SELECT {PAYMENT_COLUMNS} FROM (
                SELECT unnest($2::text[]) AS imp_uid
                UNION
                (SELECT DISTINCT ON (o.merchant_uid) o.imp_uid FROM payments o
                 WHERE o.merchant_id = $1 AND o.merchant_uid = ANY($3::text[])
                 ORDER BY o.merchant_uid, o.started_at DESC, o.imp_uid DESC)) AS input
            JOIN payments p ON p.merchant_id = $1 AND p.imp_uid = input.imp_uid
            JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id
            ORDER BY p.started_at DESC, p.imp_uid DESC""",
        merchant_id,
        list(imp_uids),
        list(merchant_uids),
    )
    return [to_payment(row) for row in rows]


def _condition(filters: PaymentFilter) -> tuple[str, list[Any]]:
    """The filter as SQL from $2 on, with its values."""
    terms: list[str] = []
    values: list[Any] = []

    def add(term: str, value: Any) -> None:
        values.append(value)
        terms.append(term.format(f"${len(values) + 1}"))

    if filters.statuses != frozenset(Status):
        # As words of the statement: the planner then knows which partial index holds them.
        words = ", ".join(f"'{status.value}'" for status in sorted(filters.statuses))
        terms.append(f"p.status IN ({words})")
    if filters.merchant_uid is not None:
        add("p.merchant_uid = {}", filters.merchant_uid)
    if filters.customer_uid is not None:
        add("p.customer_uid = {}", filters.customer_uid)
    if filters.since is not None:
        add(f"p.{_TIMESTAMP_COLUMNS[filters.by]} >= {{}}", filters.since)
    if filters.until is not None:
        add(f"p.{_TIMESTAMP_COLUMNS[filters.by]} <= {{}}", filters.until)
    return " AND ".join(terms) or "true", values

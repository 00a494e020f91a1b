"""Find payments by id or order, and list them page by page with their total, for the API."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dasi.engine import Engine
from dasi.foundation.db import Database
from dasi.foundation.errors import NotFound
from dasi.ledger import PAYMENT_COLUMNS, PAYMENT_SOURCE, Payment, Status, to_payment
from dasi.reporting import counts
from dasi.reporting.payment_filter import (
    NEWEST_FIRST,
    PaymentFilter,
    PaymentVersion,
    Sorting,
    VersionPage,
)

# The only columns that may order or bound a list.
_TIMESTAMP_COLUMNS = {
    "started": "started_at",
    "paid": "paid_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
    "updated": "updated_at",
}
# Always true. A custom plan, made for its values, removes this term. A generic plan cannot, so it
# costs more than every custom plan and PostgreSQL never takes it. The best plan depends on how many
# rows lie in a range: at a million payments 1 ms instead of 400. The term reads `p`, so it belongs
# to each row and is never evaluated; parallel plans evaluate a term without a row in advance.
_FORCE_CUSTOM_PLAN = (
    "({} OR (SELECT count(*) FROM generate_series(1, 1000000000) n WHERE n > p.amount_krw) > 0)"
)
# An array is read once, before the list, so that the list keeps the order of its index.
_IS_LIVE = """{}.channel_id = ANY (ARRAY(
    SELECT live.channel_id FROM channels live
    WHERE live.merchant_id = $1 AND NOT live.is_sandbox))"""


async def find_payments(
    engine: Engine,
    merchant_id: int,
    *,
    imp_uids: Sequence[str],
    merchant_uids: Sequence[str],
    include_sandbox: bool,
) -> list[Payment]:
    """Return the payments of these ids, and one of each of these orders, newest first.

    Of an order it is the payment that holds it, else the newest.
    """
    mode = "true" if include_sandbox else _IS_LIVE
    # The ids first, then their payments: with one condition for both PostgreSQL reads all payments.
    rows = await engine.database.fetch(
        f"""SELECT {PAYMENT_COLUMNS} FROM (
                SELECT unnest($2::text[]) AS imp_uid
                UNION
                (SELECT DISTINCT ON (o.merchant_uid) o.imp_uid FROM payments o
                 WHERE o.merchant_id = $1 AND o.merchant_uid = ANY($3::text[])
                   AND {mode.format("o")}
                 ORDER BY o.merchant_uid, o.status IN ('ready', 'failed'), o.started_at DESC,
                          o.imp_uid DESC)) AS input
            JOIN payments p ON p.merchant_id = $1 AND p.imp_uid = input.imp_uid
            JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id
            WHERE {mode.format("p")}
            ORDER BY p.started_at DESC, p.imp_uid DESC""",
        merchant_id,
        list(imp_uids),
        list(merchant_uids),
    )
    return [to_payment(row) for row in rows]


async def find_by_order(
    engine: Engine,
    merchant_id: int,
    merchant_uid: str,
    *,
    statuses: frozenset[Status],
    include_sandbox: bool,
    sorting: Sorting | None = None,
) -> Payment:
    """Return the first payment of an order in one of `statuses`; `NotFound("unknown_payment")`.

    Without `sorting` it is the payment that holds the order, else the newest: a retry that failed
    must not hide that the order is paid.
    """
    holder_first = "p.status IN ('ready', 'failed'), " if sorting is None else ""
    filters = PaymentFilter(
        merchant_uid=merchant_uid, statuses=statuses, include_sandbox=include_sandbox
    )
    condition, values = _condition(filters)
    row = await engine.database.fetchrow(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND {condition}
            ORDER BY {holder_first}{_order(filters, sorting or NEWEST_FIRST)} LIMIT 1""",
        merchant_id,
        *values,
    )
    if row is None:
        raise NotFound("unknown_payment", merchant_uid=merchant_uid[:40])
    return to_payment(row)


async def list_payments(
    engine: Engine,
    merchant_id: int,
    filters: PaymentFilter,
    *,
    sorting: Sorting,
    page: int,
    limit: int,
) -> VersionPage:
    """Return a page, counted from 1, and the total. A page beyond the end is empty.

    `find_payments` reads the payments themselves, in another order.
    """
    offset = (page - 1) * limit
    versions = await _versions(
        engine.database, merchant_id, filters, sorting=sorting, offset=offset, limit=limit
    )
    if len(versions) < limit and (versions or page == 1):
        return VersionPage(versions=versions, total=offset + len(versions))
    total = await _total(engine.database, merchant_id, filters)
    # The total is read a moment later: some of the versions may have left the list since.
    return VersionPage(
        versions=versions, total=max(total, offset + len(versions)) if versions else total
    )


async def _versions(
    database: Database,
    merchant_id: int,
    filters: PaymentFilter,
    *,
    sorting: Sorting,
    offset: int,
    limit: int,
) -> list[PaymentVersion]:
    condition, values = _condition(filters)
    is_true, skip, take = (f"${len(values) + more}" for more in (2, 3, 4))
    rows = await database.fetch(
        f"""SELECT p.imp_uid, p.version, p.status, p.updated_at, c.is_sandbox FROM {PAYMENT_SOURCE}
            WHERE p.merchant_id = $1 AND {condition} AND {_FORCE_CUSTOM_PLAN.format(is_true)}
            ORDER BY {_order(filters, sorting)} OFFSET {skip} LIMIT {take}""",
        merchant_id,
        *values,
        True,
        offset,
        limit,
    )
    return [PaymentVersion(*row) for row in rows]


async def _total(database: Database, merchant_id: int, filters: PaymentFilter) -> int:
    if counts.has_kept_counts(filters):
        timeless, _ = _condition(replace(filters, since=None, until=None))
        return await counts.total(database, merchant_id, filters, timeless)
    condition, values = _condition(filters)
    row = await database.fetchrow(
        f"SELECT count(*) AS total FROM payments p WHERE p.merchant_id = $1 AND {condition}",
        merchant_id,
        *values,
    )
    assert row is not None
    return int(row["total"])


def _order(filters: PaymentFilter, sorting: Sorting) -> str:
    """The ORDER BY terms. `NULLS LAST` only where nulls are possible: it rules an index out."""
    direction = "DESC" if sorting.newest_first else "ASC"
    has_no_nulls = sorting.by in ("started", "updated") or (
        sorting.by == filters.by and filters.since is not None
    )
    nulls = "" if has_no_nulls else "NULLS LAST"
    return f"p.{_TIMESTAMP_COLUMNS[sorting.by]} {direction} {nulls}, p.imp_uid {direction}"


def _condition(filters: PaymentFilter) -> tuple[str, list[Any]]:
    """The filter as SQL from $2 on, with its values."""
    terms: list[str] = []
    values: list[Any] = []

    def add(term: str, value: Any) -> None:
        values.append(value)
        terms.append(term.format(f"${len(values) + 1}"))

    if filters.statuses != frozenset(Status):
        # As literals: the planner then knows which partial index holds them.
        statuses = ", ".join(f"'{status.value}'" for status in sorted(filters.statuses))
        terms.append(f"p.status IN ({statuses})")
    if not filters.include_sandbox:
        terms.append(_IS_LIVE.format("p"))
    if filters.merchant_uid is not None:
        add("p.merchant_uid = {}", filters.merchant_uid)
    if filters.customer_uid is not None:
        add("p.customer_uid = {}", filters.customer_uid)
    if filters.since is not None:
        add(f"p.{_TIMESTAMP_COLUMNS[filters.by]} >= {{}}", filters.since)
    if filters.until is not None:
        add(f"p.{_TIMESTAMP_COLUMNS[filters.by]} <= {{}}", filters.until)
    return " AND ".join(terms) or "true", values

"""Count and add up all payments of a console list, at a bounded cost."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from dasi.engine import Engine
from dasi.payment_search.payment_query import PaymentQuery
from dasi.payment_search.search_store import Bindings, matched_lists
from dasi.reporting import PaymentFilter, Sorting, list_payments

SUMMED_MAX = 20_000
"""More payments than this are not added up."""
_TIMEOUT_MS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSummary:
    """All payments of a list. Its sums hold no card registration: that takes no money."""

    count: int
    """Exact unless `is_more`."""
    is_more: bool
    """The list has more than `count` payments, and no sums."""
    has_sums: bool
    paid_krw: int = 0
    """Every amount that was paid, whether it was cancelled later or not."""
    cancelled_krw: int = 0
    left_out: int = 0
    """The test payments that are not in the sums."""

    @property
    def net_krw(self) -> int:
        return self.paid_krw - self.cancelled_krw


async def summarize_payments(
    engine: Engine, merchant_id: int, query: PaymentQuery, *, sums_sandbox: bool
) -> PaymentSummary:
    """Return the count and the sums of a query's payments.

    `sums_sandbox`: whether the sums include test payments. A list of more than `SUMMED_MAX`
    payments has no sums. Neither has one that takes too long to read.
    """
    bindings = Bindings(merchant_id, SUMMED_MAX + 1)
    lists = " UNION ".join(
        f"""(SELECT p.imp_uid, p.channel_id, p.purpose, p.paid_at, p.amount_krw, p.cancelled_krw
             FROM {matched} AND p.merchant_id = $1 LIMIT $2)"""
        for matched in matched_lists(engine, query, bindings)
    )
    in_sums = f"(list.purpose = 'payment' AND ({bindings.bind(sums_sandbox)} OR NOT c.is_sandbox))"
    sql = f"""SELECT count(*)::int AS count,
               coalesce(sum(list.amount_krw) FILTER (
                   WHERE {in_sums} AND list.paid_at IS NOT NULL), 0)::bigint
                   AS paid_krw,
               coalesce(sum(list.cancelled_krw) FILTER (
                   WHERE {in_sums}), 0)::bigint AS cancelled_krw,
               (count(*) FILTER (
                   WHERE list.purpose = 'payment' AND NOT {in_sums}))::int AS left_out
        FROM (SELECT * FROM ({lists}) AS matched LIMIT $2) AS list
        JOIN channels c ON c.merchant_id = $1 AND c.channel_id = list.channel_id"""
    row = None
    async with engine.database.snapshot() as connection:
        await connection.execute(f"SET LOCAL statement_timeout = {_TIMEOUT_MS}")
        with suppress(asyncpg.QueryCanceledError):
            row = await connection.fetchrow(sql, *bindings.values)
    if row is None:
        return await _without_sums(engine, merchant_id, query, at_least=0)
    if row["count"] > SUMMED_MAX:
        return await _without_sums(engine, merchant_id, query, at_least=SUMMED_MAX)
    return PaymentSummary(is_more=False, has_sums=True, **row)


async def _without_sums(
    engine: Engine, merchant_id: int, query: PaymentQuery, *, at_least: int
) -> PaymentSummary:
    """The exact count where the counts of days give it, else `at_least`."""
    is_range = query == PaymentQuery(
        since=query.since,
        until=query.until,
        is_sandbox=query.is_sandbox,
        matches_buyer=query.matches_buyer,
    )
    if query.since is None or query.until is None or query.is_sandbox or not is_range:
        return PaymentSummary(count=at_least, is_more=True, has_sums=False)
    page = await list_payments(
        engine,
        merchant_id,
        PaymentFilter(
            include_sandbox=query.is_sandbox is None,
            since=query.since,
            until=query.until - timedelta.resolution,
        ),
        sorting=Sorting(),
        page=1,
        limit=1,
    )
    return PaymentSummary(count=page.total, is_more=False, has_sums=False)

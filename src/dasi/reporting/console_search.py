"""Search a merchant's payments for the console: newest first, page by page, and as one long export.

A search is the union of short lists, one for each kind of term. Each list is read from an index of
its own, so a common amount among a million payments costs no more than a page.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from dasi.engine import Engine
from dasi.foundation.clock import kst_range, parse_day
from dasi.foundation.pages import Cursor, Page, make_page
from dasi.ledger import (
    AMOUNT_MAX_KRW,
    PAYMENT_COLUMNS,
    PAYMENT_SOURCE,
    Payment,
    Status,
    to_payment,
)

_TERM_MAX = 100
_EXPORT_PAGE = 1_000
_SEARCH_TERMS = """payment_search_terms(p.merchant_id, p.pg_tid, p.approval_no,
                          p.card_number, p.buyer_name,
                          p.buyer_email, p.buyer_tel)"""
_TERMS_WITHOUT_BUYER = """payment_search_terms(p.merchant_id, p.pg_tid, p.approval_no,
                          p.card_number, NULL, NULL, NULL)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentQuery:
    """The payments of a console list."""

    text: str | None = None
    """One id, buyer, last digits of a card, amount or day, as the user typed it.

    A text may be several of them: `20250115` is an amount, an order and a day."""
    statuses: frozenset[Status] = frozenset()
    """Empty: any."""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment after the range."""
    customer_uid: str | None = None
    is_sandbox: bool | None = None
    """True: test payments only. False: live payments only."""
    fail_code: str | None = None
    """The PG's or the gateway's code of the failure."""
    matches_buyer: bool = True
    """Whether `text` may be a buyer's name, e-mail address or telephone number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTerms:
    """The text of a query in the form of each kind of column."""

    text: str
    indexed: tuple[str, ...]
    """In the form of the SQL function `payment_search_terms`: the merchant comes first."""
    amount_krw: int | None
    day: date | None


async def browse_payments(
    engine: Engine, merchant_id: int, query: PaymentQuery, *, after: Cursor | None, limit: int
) -> Page[Payment]:
    """Return a page of a merchant's payments, newest first."""
    assert 1 <= limit <= _EXPORT_PAGE, "the caller checks the limit"
    values: list[Any] = [merchant_id, limit + 1]

    def bind(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    conditions = _conditions(query, after, bind)
    sources = ["payments"]
    if query.text is not None:
        sources = _sources(
            parse_search(merchant_id, query.text), bind, matches_buyer=query.matches_buyer
        )
    lists = " UNION ".join(
        f"""(SELECT p.imp_uid, p.started_at FROM {source} p
             WHERE p.merchant_id = $1{conditions}
             ORDER BY p.started_at DESC, p.imp_uid DESC LIMIT $2)"""
        for source in sources
    )
    rows = await engine.database.fetch(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            JOIN (SELECT list.imp_uid FROM ({lists}) AS list
                  ORDER BY list.started_at DESC, list.imp_uid DESC LIMIT $2) AS page
              ON p.imp_uid = page.imp_uid
            WHERE p.merchant_id = $1
            ORDER BY p.started_at DESC, p.imp_uid DESC""",
        *values,
    )
    return make_page(
        [to_payment(row) for row in rows],
        limit=limit,
        cursor=lambda payment: Cursor(payment.started_at, payment.imp_uid),
    )


async def iter_payments(
    engine: Engine, merchant_id: int, query: PaymentQuery
) -> AsyncIterator[Payment]:
    """Yield all payments of a query. It reads pages, so every export needs little memory."""
    after: Cursor | None = None
    while True:
        page = await browse_payments(engine, merchant_id, query, after=after, limit=_EXPORT_PAGE)
        for payment in page.rows:
            yield payment
        after = page.next_cursor
        if after is None:
            return


def _conditions(query: PaymentQuery, after: Cursor | None, bind: Callable[[Any], str]) -> str:
    sql = ""
    if query.statuses:
        # As literals: the planner then uses the partial indexes of the rare statuses.
        statuses = ", ".join(f"'{status.value}'" for status in sorted(query.statuses))
        sql += f" AND p.status IN ({statuses})"
    if query.since is not None:
        sql += f" AND p.started_at >= {bind(query.since)}"
    if query.until is not None:
        sql += f" AND p.started_at < {bind(query.until)}"
    if query.customer_uid is not None:
        sql += f" AND p.customer_uid = {bind(query.customer_uid)}"
    if query.is_sandbox is not None:
        sql += f""" AND p.channel_id = ANY (ARRAY(
                      SELECT c.channel_id FROM channels c
                      WHERE c.merchant_id = $1 AND c.is_sandbox = {bind(query.is_sandbox)}))"""
    if query.fail_code is not None:
        sql += f" AND p.fail_code = {bind(query.fail_code)}"
    if after is not None:
        sql += f" AND (p.started_at, p.imp_uid) < ({bind(after.at)}, {bind(after.key)})"
    return sql


def _sources(terms: SearchTerms, bind: Callable[[Any], str], *, matches_buyer: bool) -> list[str]:
    """The payments that each kind of term matches, as tables to select from."""
    text = bind(terms.text)
    sources = [
        f"(SELECT * FROM payments p WHERE p.merchant_id = $1 AND p.{column} = {text})"
        for column in ("imp_uid", "merchant_uid", "customer_uid")
    ]
    indexed = f"{bind(list(terms.indexed))}::text[]"
    recheck = "" if matches_buyer else f"AND {_TERMS_WITHOUT_BUYER} && {indexed}"
    # OFFSET 0 makes PostgreSQL search first and sort afterwards. In the order of the list it would
    # have to read every payment.
    sources.append(
        f"""(SELECT * FROM payments p WHERE p.merchant_id = $1
             AND {_SEARCH_TERMS} && {indexed} {recheck} OFFSET 0)"""
    )
    if terms.amount_krw is not None:
        sources.append(
            f"(SELECT * FROM payments p WHERE p.merchant_id = $1"
            f" AND p.amount_krw = {bind(terms.amount_krw)})"
        )
    if terms.day is not None:
        since, until = kst_range(terms.day, terms.day)
        sources.append(
            f"(SELECT * FROM payments p WHERE p.merchant_id = $1"
            f" AND p.started_at >= {bind(since)} AND p.started_at < {bind(until)})"
        )
    return sources


def parse_search(merchant_id: int, query_text: str) -> SearchTerms:
    """The search terms of a text that a user typed."""
    text = query_text.strip()[:_TERM_MAX]
    digits = re.sub(r"[^0-9]", "", text)
    forms = {text, text.lower()}
    if re.fullmatch(r"[0-9]{4}", text):
        # KICC masks the last digit of a card number, so a search must work without it.
        forms.add(f"{text[:3]}*")
    if digits and re.fullmatch(r"[0-9+\-. ]+", text):
        forms.add(digits)
    won = re.fullmatch(r"[₩￦]?\s*([0-9][0-9,]*)\s*원?", text)
    amount_krw = int(won[1].replace(",", "")) if won else None
    return SearchTerms(
        text=text,
        indexed=tuple(sorted(f"{merchant_id} {form}" for form in forms)),
        amount_krw=amount_krw if amount_krw is not None and amount_krw <= AMOUNT_MAX_KRW else None,
        day=_day(text),
    )


def _day(text: str) -> date | None:
    try:
        return parse_day(text)
    except ValueError:
        return None

"""SQL of the payments' room: the pages of a person's list.

A search is the union of short lists, one for each kind of word and each by an index of its own:
a common amount among a million payments costs no more than a page.
"""

from typing import Any

from dasi.foundation.db import Database
from dasi.foundation.pages import Cursor
from dasi.ledger import PAYMENT_COLUMNS, PAYMENT_SOURCE, Payment, to_payment
from dasi.reporting.search_terms import PaymentQuery, SearchTerms

_SEARCH_TERMS = """payment_search_terms(p.merchant_id, p.pg_tid, p.approval_no,
                          p.card_number, p.buyer_name,
                          p.buyer_email, p.buyer_tel)"""


async def page(
    database: Database,
    merchant_id: int,
    query: PaymentQuery,
    *,
    words: SearchTerms | None,
    after: Cursor | None,
    limit: int,
) -> list[Payment]:
    """Newest first, after `after`, at most `limit`."""
    values: list[Any] = [merchant_id, limit]

    def value(given: Any) -> str:
        values.append(given)
        return f"${len(values)}"

    terms = _terms(query, after, value)
    sources = ["payments"] if words is None else _sources(words, value)
    lists = " UNION ".join(
        f"""(SELECT p.imp_uid, p.started_at FROM {source} p
             WHERE p.merchant_id = $1{terms}
             ORDER BY p.started_at DESC, p.imp_uid DESC LIMIT $2)"""
        for source in sources
    )
    rows = await database.fetch(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            JOIN (SELECT one.imp_uid FROM ({lists}) AS one
                  ORDER BY one.started_at DESC, one.imp_uid DESC LIMIT $2) AS found
              ON p.imp_uid = found.imp_uid
            WHERE p.merchant_id = $1
            ORDER BY p.started_at DESC, p.imp_uid DESC""",
        *values,
    )
    return [to_payment(row) for row in rows]


def _terms(query: PaymentQuery, after: Cursor | None, value: Any) -> str:
    terms = ""
    if query.statuses:
        # Each status by its own name, so that the index of rare ones is used for them.
        named = ", ".join(f"'{status.value}'" for status in sorted(query.statuses))
        terms += f" AND p.status IN ({named})"
    if query.since is not None:
        terms += f" AND p.started_at >= {value(query.since)}"
    if query.until is not None:
        terms += f" AND p.started_at < {value(query.until)}"
    if query.customer_uid is not None:
        terms += f" AND p.customer_uid = {value(query.customer_uid)}"
    if query.fail_code is not None:
        terms += f" AND p.fail_code = {value(query.fail_code)}"
    if after is not None:
        terms += f" AND (p.started_at, p.imp_uid) < ({value(after.at)}, {value(after.key)})"
    return terms


def _sources(words: SearchTerms, value: Any) -> list[str]:
    """Where each kind of word is looked for, as something to select from."""
    text = value(words.text)
    found = [
        f"(SELECT * FROM payments p WHERE p.merchant_id = $1 AND p.{column} = {text})"
        for column in ("imp_uid", "merchant_uid", "customer_uid")
    ]
    # OFFSET 0: found first, then ordered. Walked in order, each one would have to be read.
    found.append(
        f"""(SELECT * FROM payments p WHERE p.merchant_id = $1
             AND {_SEARCH_TERMS} && {value(list(words.indexed))}::text[] OFFSET 0)"""
    )
    if words.amount_krw is not None:
        found.append(
            f"(SELECT * FROM payments p WHERE p.merchant_id = $1"
            f" AND p.amount_krw = {value(words.amount_krw)})"
        )
    return found

"""Search a merchant's payments for the console: newest first, page by page, and as one long export.

A search is the union of short lists, one for each kind of term. Each list is read from an index of
its own, so a common amount among a million payments costs no more than a page.
"""

from collections.abc import AsyncIterator
from typing import Any

from dasi.engine import Engine
from dasi.foundation.clock import kst_day, kst_range
from dasi.foundation.pages import Cursor, Page, make_page
from dasi.ledger import PAYMENT_COLUMNS, PAYMENT_SOURCE, Payment, to_payment
from dasi.payment_search.payment_query import PaymentQuery
from dasi.payment_search.search_terms import Term, parse_search

_EXPORT_PAGE = 1_000
_NAMES_MAX = 30
"""Different order names with one beginning that a search reads."""
_LAST_CHARACTER = "\U0010ffff"
_SEARCH_TERMS = """payment_search_terms(p.merchant_id, p.pg_tid, p.approval_no,
                          p.card_number, p.buyer_name,
                          p.buyer_email, p.buyer_tel)"""
_TERMS_WITHOUT_BUYER = """payment_search_terms(p.merchant_id, p.pg_tid, p.approval_no,
                          p.card_number, NULL, NULL, NULL)"""
_NEWEST_FIRST = "ORDER BY p.started_at DESC, p.imp_uid DESC"


class Bindings:
    """The values of a statement: $1 is the merchant, $2 the most rows of a list."""

    def __init__(self, merchant_id: int, rows_max: int) -> None:
        self.values: list[Any] = [merchant_id, rows_max]

    def bind(self, value: Any) -> str:
        """Add a value and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"


async def browse_payments(
    engine: Engine, merchant_id: int, query: PaymentQuery, *, after: Cursor | None, limit: int
) -> Page[Payment]:
    """Return a page of a merchant's payments, newest first."""
    assert 1 <= limit <= _EXPORT_PAGE, "the caller checks the limit"
    bindings = Bindings(merchant_id, limit + 1)
    lists = " UNION ".join(
        f"""(SELECT p.imp_uid, p.started_at FROM {matched} AND p.merchant_id = $1
             {_NEWEST_FIRST} LIMIT $2)"""
        for matched in matched_lists(engine, query, bindings, after=after)
    )
    rows = await engine.database.fetch(
        f"""SELECT {PAYMENT_COLUMNS} FROM {PAYMENT_SOURCE}
            JOIN (SELECT list.imp_uid FROM ({lists}) AS list
                  ORDER BY list.started_at DESC, list.imp_uid DESC LIMIT $2) AS page
              ON p.imp_uid = page.imp_uid
            WHERE p.merchant_id = $1
            {_NEWEST_FIRST}""",
        *bindings.values,
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


def matched_lists(
    engine: Engine, query: PaymentQuery, bindings: Bindings, *, after: Cursor | None = None
) -> list[str]:
    """Return SQL from FROM on, of `p`, for each list whose union is the query's payments."""
    conditions = _conditions(query, after, bindings)
    if query.text is None:
        return [f"payments p WHERE p.merchant_id = $1{conditions}"]
    merchant_id = bindings.values[0]
    readings = parse_search(merchant_id, query.text, today=kst_day(engine.clock.now()))
    return [
        matched
        for terms in readings
        for matched in _lists_of_reading(query, terms, conditions, bindings)
    ]


def _conditions(query: PaymentQuery, after: Cursor | None, bindings: Bindings) -> str:
    bind, sql = bindings.bind, ""
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


def _lists_of_reading(
    query: PaymentQuery, terms: tuple[Term, ...], conditions: str, bindings: Bindings
) -> list[str]:
    """The lists of the payments that match all `terms`.

    The indexes of one term find them, and the other terms are conditions on each row.
    """
    if len(terms) == 1:
        return _lists_of_term(query, terms[0], conditions, bindings)
    plain = [term for term in terms if term.is_plain]
    broad = [term for term in terms if not term.is_plain]
    for term in plain:
        conditions += f" AND {_plain_condition(term, bindings)}"
    if not broad:
        return [f"payments p WHERE p.merchant_id = $1{conditions}"]
    # Digits alone may be a common amount. Of the others the longest is likely to be the rarest.
    first = max(broad, key=lambda term: (term.amount_krw is None, len(term.text)))
    for term in broad:
        if term is not first:
            conditions += f" AND {_condition_of_term(query, term, bindings)}"
    return _lists_of_term(query, first, conditions, bindings)


def _lists_of_term(
    query: PaymentQuery, term: Term, conditions: str, bindings: Bindings
) -> list[str]:
    """One list for each kind of column: a single list with OR would read all payments."""
    bind = bindings.bind
    text, tsquery = bind(term.text), f"{bind(term.tsquery)}::text::tsquery"
    lists = [
        f"payments p WHERE p.merchant_id = $1 AND p.{column} = {text}{conditions}"
        for column in ("imp_uid", "merchant_uid", "customer_uid")
    ]
    recheck = "" if query.matches_buyer else f"AND {_TERMS_WITHOUT_BUYER} @@ {tsquery}"
    # OFFSET 0 makes PostgreSQL search first and sort afterwards. In the order of the list it would
    # have to read every payment.
    lists.append(
        f"""(SELECT * FROM payments p WHERE p.merchant_id = $1
             AND {_SEARCH_TERMS} @@ {tsquery} {recheck} OFFSET 0) p
            WHERE true{conditions}"""
    )
    if term.amount_krw is not None or term.day is not None:
        lists += [
            f"payments p WHERE p.merchant_id = $1 AND {condition}{conditions}"
            for condition in _amount_and_day(term, bindings)
        ]
    if term.name_prefix is not None:
        lists.append(_list_of_order_name(term.name_prefix, conditions, bindings))
    if term.card_digits:
        # A declined charge has no card of its own: the card is that of the billing key.
        lists.append(
            f"""(SELECT p.* FROM billing_keys k
                 JOIN payments p ON p.merchant_id = $1 AND p.customer_uid = k.customer_uid
                      AND p.card_number IS NULL
                 WHERE k.merchant_id = $1
                   AND right(k.card_number, 4) = ANY ({bind(list(term.card_digits))}::text[])
                   AND EXISTS (SELECT 1 FROM pg_attempts a
                               WHERE a.merchant_id = $1 AND a.imp_uid = p.imp_uid
                                 AND a.billing_key_id = k.billing_key_id)) p
                WHERE true{conditions}"""
        )
    return lists


def _list_of_order_name(prefix: str, conditions: str, bindings: Bindings) -> str:
    """The newest payments of each order name that begins with `prefix`.

    The names are read one by one from the index, so the most frequent name costs no more than the
    rarest.
    """
    begin, end = bindings.bind(prefix), bindings.bind(prefix + _LAST_CHARACTER)
    next_name = """SELECT lower(n.name) COLLATE "C" AS name FROM payments n
                   WHERE n.merchant_id = $1 AND {} AND lower(n.name) COLLATE "C" < {}::text
                   ORDER BY lower(n.name) COLLATE "C" LIMIT 1"""
    first = next_name.format(f'lower(n.name) COLLATE "C" >= {begin}::text', end)
    following = next_name.format('lower(n.name) COLLATE "C" > names.name', end)
    return f"""(WITH RECURSIVE names AS (
                  ({first}) UNION ALL
                  SELECT ({following}) FROM names WHERE names.name IS NOT NULL)
                SELECT named.* FROM (SELECT name FROM names LIMIT {_NAMES_MAX}) AS few
                CROSS JOIN LATERAL (
                    SELECT p.* FROM payments p
                    WHERE p.merchant_id = $1 AND lower(p.name) COLLATE "C" = few.name{conditions}
                    {_NEWEST_FIRST} LIMIT $2) AS named) p
               WHERE true"""


def _condition_of_term(query: PaymentQuery, term: Term, bindings: Bindings) -> str:
    bind = bindings.bind
    text, tsquery = bind(term.text), f"{bind(term.tsquery)}::text::tsquery"
    search_terms = _SEARCH_TERMS if query.matches_buyer else _TERMS_WITHOUT_BUYER
    either = [f"{text} IN (p.imp_uid, p.merchant_uid, p.customer_uid)"]
    either += [f"{search_terms} @@ {tsquery}", *_amount_and_day(term, bindings)]
    if term.name_prefix is not None:
        either.append(f"starts_with(lower(p.name), {bind(term.name_prefix)})")
    if term.card_digits:
        either.append(
            f"""p.card_number IS NULL AND EXISTS (
                  SELECT 1 FROM pg_attempts a
                  JOIN billing_keys k ON k.merchant_id = $1 AND k.billing_key_id = a.billing_key_id
                  WHERE a.merchant_id = $1 AND a.imp_uid = p.imp_uid
                    AND right(k.card_number, 4) = ANY ({bind(list(term.card_digits))}::text[]))"""
        )
    return f"({' OR '.join(either)})"


def _plain_condition(term: Term, bindings: Bindings) -> str:
    return f"({' OR '.join(_amount_and_day(term, bindings))})"


def _amount_and_day(term: Term, bindings: Bindings) -> list[str]:
    either = []
    if term.amount_krw is not None:
        either.append(f"p.amount_krw = {bindings.bind(term.amount_krw)}")
    if term.day is not None:
        since, until = kst_range(term.day, term.day)
        either.append(
            f"p.started_at >= {bindings.bind(since)} AND p.started_at < {bindings.bind(until)}"
        )
    return either

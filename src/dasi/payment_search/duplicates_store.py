"""Payments that may have been charged twice: one customer, one amount, less than a day apart."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from dasi.engine import Engine
from dasi.foundation.db import Row
from dasi.ledger import PAYMENT_COLUMNS, PAYMENT_SOURCE, Payment, to_payment

COMPARED_MAX = 50_000
"""The newest payments of a range that are compared."""
_GROUPS_MAX, _SHOWN_MAX = 100, 10
_APART = timedelta(days=1)
_COMPARED = """
    SELECT p.merchant_id, p.imp_uid, p.paid_at, p.amount_krw,
           coalesce('uid ' || p.customer_uid,
                    'email ' || lower(nullif(p.buyer_email, '')),
                    'tel ' || regexp_replace(nullif(p.buyer_tel, ''), '[^0-9]', '', 'g')
           ) AS customer
    FROM payments p
    WHERE p.merchant_id = $1 AND p.paid_at >= $2 AND p.paid_at < $3
      AND p.purpose = 'payment' AND p.status IN ('paid', 'partly_cancelled')
      AND ($4 OR p.channel_id = ANY (ARRAY(
            SELECT live.channel_id FROM channels live
            WHERE live.merchant_id = $1 AND NOT live.is_sandbox)))
    ORDER BY p.paid_at DESC LIMIT $5"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateGroup:
    """Payments of one customer and amount, each less than a day after the one before."""

    payments: tuple[Payment, ...]
    """Oldest first; the newest 10 at most."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """The possible duplicates of a range of time."""

    groups: tuple[DuplicateGroup, ...]
    """Newest first; 100 at most."""
    is_more: bool
    """There are more groups."""
    compared_since: datetime | None
    """Older payments were not compared, because the range has too many. None: all were."""


async def find_duplicates(
    engine: Engine, merchant_id: int, *, since: datetime, until: datetime, include_sandbox: bool
) -> Duplicates:
    """Return groups of payments in force of one customer and amount, less than a day apart.

    The customer is `customer_uid`, else the buyer's email, else the telephone number. A group may
    begin in the day before `since`.
    """
    range_values = (merchant_id, since - _APART, until, include_sandbox, COMPARED_MAX)
    rows = await engine.database.fetch(
        f"""WITH compared AS MATERIALIZED ({_COMPARED}), neighbours AS (
                SELECT n.*, n.paid_at - lag(n.paid_at) OVER customers AS after_last,
                       lead(n.paid_at) OVER customers - n.paid_at AS before_next
                FROM compared n WHERE n.customer IS NOT NULL
                WINDOW customers AS (
                    PARTITION BY n.customer, n.amount_krw ORDER BY n.paid_at, n.imp_uid)
            ), numbered AS (
                SELECT n.imp_uid, n.customer, n.amount_krw, n.paid_at,
                       count(*) FILTER (WHERE n.after_last < $6 IS NOT TRUE) OVER (
                           PARTITION BY n.customer, n.amount_krw ORDER BY n.paid_at, n.imp_uid)
                       AS number
                FROM neighbours n WHERE n.after_last < $6 OR n.before_next < $6
            ), grouped AS (
                SELECT n.*, max(n.paid_at) OVER same_group AS newest_at,
                       (count(*) OVER same_group)::int AS group_count,
                       row_number() OVER (same_group ORDER BY n.paid_at DESC, n.imp_uid DESC)
                           AS place
                FROM numbered n
                WINDOW same_group AS (PARTITION BY n.customer, n.amount_krw, n.number)
            ), ranked AS (
                SELECT g.imp_uid, g.group_count,
                       dense_rank() OVER (ORDER BY g.newest_at DESC, g.customer, g.amount_krw,
                                                   g.number) AS group_rank
                FROM grouped g WHERE g.newest_at >= $7 AND g.place <= {_SHOWN_MAX}
            )
            SELECT {PAYMENT_COLUMNS}, ranked.group_count, ranked.group_rank
            FROM {PAYMENT_SOURCE} JOIN ranked ON ranked.imp_uid = p.imp_uid
            WHERE p.merchant_id = $1 AND ranked.group_rank <= {_GROUPS_MAX + 1}
            ORDER BY ranked.group_rank, p.paid_at, p.imp_uid""",
        *range_values,
        _APART,
        since,
    )
    bound = await engine.database.fetchrow(
        f"""SELECT min(c.paid_at) AS since, count(*) = $5 AS is_cut FROM ({_COMPARED}) AS c
            WHERE c.merchant_id = $1""",
        *range_values,
    )
    assert bound is not None
    groups = [_group(list(group)) for _, group in groupby(rows, key=lambda row: row["group_rank"])]
    return Duplicates(
        groups=tuple(groups[:_GROUPS_MAX]),
        is_more=len(groups) > _GROUPS_MAX,
        compared_since=bound["since"] if bound["is_cut"] else None,
    )


def _group(rows: list[Row]) -> DuplicateGroup:
    payments = []
    for row in rows:
        values = dict(row)
        count = values.pop("group_count")
        del values["group_rank"]
        payments.append(to_payment(values))
    return DuplicateGroup(payments=tuple(payments), count=count)

"""SQL that reads the ledger for its verification, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dasi.foundation.db import Connection, Database, Row
from dasi.ledger import PAYMENT_COLUMNS, Payment, to_payment
from dasi.payment_events import AttemptFacts, PaymentEvent
from dasi.providers.port import AttemptKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEvent:
    seq: int
    event: PaymentEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerAttempt:
    attempt_id: str
    kind: AttemptKind
    state: str
    business_date: date
    pg_order_id: str | None
    amount_krw: int
    remain_krw: int | None
    tax_free_krw: int | None
    is_reversal: bool
    pg_tid: str | None

    @property
    def facts(self) -> AttemptFacts:
        """The row, as the event of its request states it."""
        return AttemptFacts(
            kind=self.kind,
            business_date=self.business_date,
            amount_krw=self.amount_krw,
            remain_krw=self.remain_krw,
            tax_free_krw=self.tax_free_krw,
            is_reversal=self.is_reversal,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPayment:
    """A payment as the ledger has it, with the rows that prove it."""

    merchant_code: str
    payment: Payment
    events: Sequence[LedgerEvent]
    attempts: Sequence[LedgerAttempt]
    window_orders: Sequence[str]
    """`pg_order_id` of the payment's windows."""


async def page_any_merchant(
    database: Database, *, after: tuple[int, str], limit: int
) -> list[LedgerPayment]:
    """The next `limit` payments after (merchant, imp_uid), with all their rows, at one moment."""
    async with database.snapshot() as connection:
        payments = await connection.fetch(
            f"""SELECT {PAYMENT_COLUMNS}, coalesce(m.code, p.merchant_id::text) AS merchant_code
                FROM payments p
                JOIN channels c ON c.merchant_id = p.merchant_id AND c.channel_id = p.channel_id
                LEFT JOIN merchants m ON m.merchant_id = p.merchant_id
                WHERE (p.merchant_id, p.imp_uid) > ($1, $2)
                ORDER BY p.merchant_id, p.imp_uid LIMIT $3""",
            after[0],
            after[1],
            limit,
        )
        keys = (
            [row["merchant_id"] for row in payments],
            [row["imp_uid"] for row in payments],
        )
        events = _by_payment(await _events_any_merchant(connection, *keys))
        attempts = _by_payment(await _attempts_any_merchant(connection, *keys))
        windows = _by_payment(await _windows_any_merchant(connection, *keys))
    return [
        _ledger_payment(dict(row), events=events, attempts=attempts, windows=windows)
        for row in payments
    ]


_ByPayment = dict[tuple[int, str], list[dict[str, Any]]]


def _ledger_payment(
    values: dict[str, Any], *, events: _ByPayment, attempts: _ByPayment, windows: _ByPayment
) -> LedgerPayment:
    key = (values["merchant_id"], values["imp_uid"])
    merchant_code = values.pop("merchant_code")
    return LedgerPayment(
        merchant_code=merchant_code,
        payment=to_payment(values),
        events=[
            LedgerEvent(
                seq=row.pop("seq"),
                event=PaymentEvent(merchant_id=key[0], imp_uid=key[1], **row),
            )
            for row in events.get(key, ())
        ],
        attempts=[
            LedgerAttempt(**{**row, "kind": AttemptKind(row["kind"])})
            for row in attempts.get(key, ())
        ],
        window_orders=[row["pg_order_id"] for row in windows.get(key, ())],
    )


def _by_payment(rows: list[Row]) -> _ByPayment:
    by_payment: _ByPayment = {}
    for row in rows:
        values = dict(row)
        key = (values.pop("merchant_id"), values.pop("imp_uid"))
        by_payment.setdefault(key, []).append(values)
    return by_payment


async def _events_any_merchant(
    connection: Connection, merchant_ids: list[int], imp_uids: list[str]
) -> list[Row]:
    return list(
        await connection.fetch(
            """SELECT e.merchant_id, e.imp_uid, e.seq, e.created_at, e.type, e.status, e.actor,
                      e.detail, e.attempt_id, e.pg_code, e.pg_text, e.merchant_uid, e.amount_krw,
                      e.pg_tid, e.buyer_digest, e.details_digest, e.mac
               FROM payment_events e
               JOIN unnest($1::bigint[], $2::text[]) AS input (merchant_id, imp_uid)
                 ON e.merchant_id = input.merchant_id AND e.imp_uid = input.imp_uid
               ORDER BY e.merchant_id, e.imp_uid, e.seq""",
            merchant_ids,
            imp_uids,
        )
    )


async def _attempts_any_merchant(
    connection: Connection, merchant_ids: list[int], imp_uids: list[str]
) -> list[Row]:
    return list(
        await connection.fetch(
            """SELECT a.merchant_id, a.imp_uid, a.attempt_id, a.kind, a.state, a.business_date,
                      a.pg_order_id, a.amount_krw, a.remain_krw,
                      a.tax_free_krw, a.is_reversal, a.pg_tid
               FROM pg_attempts a
               JOIN unnest($1::bigint[], $2::text[]) AS input (merchant_id, imp_uid)
                 ON a.merchant_id = input.merchant_id AND a.imp_uid = input.imp_uid""",
            merchant_ids,
            imp_uids,
        )
    )


async def _windows_any_merchant(
    connection: Connection, merchant_ids: list[int], imp_uids: list[str]
) -> list[Row]:
    return list(
        await connection.fetch(
            """SELECT w.merchant_id, w.imp_uid, w.pg_order_id
               FROM payment_windows w
               JOIN unnest($1::bigint[], $2::text[]) AS input (merchant_id, imp_uid)
                 ON w.merchant_id = input.merchant_id AND w.imp_uid = input.imp_uid""",
            merchant_ids,
            imp_uids,
        )
    )


async def existing_payments_any_merchant(
    database: Database, keys: Sequence[tuple[int, str]]
) -> set[tuple[int, str]]:
    """Those of the payments (merchant, imp_uid) that have a row."""
    rows = await database.fetch(
        """SELECT p.merchant_id, p.imp_uid FROM payments p
           JOIN unnest($1::bigint[], $2::text[]) AS input (merchant_id, imp_uid)
             ON p.merchant_id = input.merchant_id AND p.imp_uid = input.imp_uid""",
        [merchant_id for merchant_id, _ in keys],
        [imp_uid for _, imp_uid in keys],
    )
    return {(row["merchant_id"], row["imp_uid"]) for row in rows}


async def merchant_codes_any_merchant(database: Database) -> dict[int, str]:
    rows = await database.fetch("SELECT merchant_id, code FROM merchants")
    return {row["merchant_id"]: row["code"] for row in rows}


async def unsealed_any_merchant(
    database: Database, *, events_until: int, audit_until: int
) -> tuple[int, int]:
    """The number of events and of audit entries after these positions."""
    row = await database.fetchrow(
        """SELECT (SELECT count(*) FROM payment_events WHERE position > $1) AS events,
                  (SELECT count(*) FROM audit_log WHERE position > $2) AS audit""",
        events_until,
        audit_until,
    )
    assert row is not None, "a count without a row"
    return row["events"], row["audit"]

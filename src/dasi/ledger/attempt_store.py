"""SQL of attempts: requests sent to a PG, and the unresolved ones among them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from dasi.foundation.db import Connection, Database, Row
from dasi.foundation.errors import Unavailable
from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Cancelled,
    Declined,
    KeyDeleted,
    KeyIssued,
    NotSent,
    Unknown,
)

Outcome = Approved | KeyIssued | Cancelled | Declined | Unknown | NotSent
_PG_CLOCK_SKEW_MAX = timedelta(seconds=60)
State = Literal["sending", "approved", "declined", "unknown", "not_sent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAttempt:
    """An attempt: the request that was sent, and the state of its outcome."""

    merchant_id: int
    attempt_id: str
    imp_uid: str
    kind: AttemptKind
    channel_id: int
    pg_merchant_id: str
    pg_order_id: str | None
    business_date: date
    amount_krw: int
    state: State
    detail: str | None
    pg_code: str | None
    pg_text: str | None
    is_reversal: bool
    notify_merchant: bool
    remain_krw: int | None
    """Of a cancel: the amount that was left before it."""
    tax_free_krw: int | None
    """Of a cancel: the tax-free part of its amount; None if the payment has no such part."""
    reason: str | None
    pg_tid: str | None
    lookups: int
    sent_at: datetime
    answered_at: datetime | None
    clock_offset_s: int
    """How far the merchant's test clock was advanced since."""
    next_lookup_at: datetime | None
    deadline_at: datetime
    escalated_at: datetime | None
    request_id: str | None
    """Of the request, or of the worker's task, that sent it."""

    @property
    def effective_sent_at(self) -> datetime:
        """The moment from which its age counts: `sent_at`, moved by an advanced test clock."""
        return self.sent_at - timedelta(seconds=self.clock_offset_s)

    def is_younger_than(self, executed_at: datetime) -> bool:
        """Whether the PG executed an earlier request under this name, which the database forgot.

        Its caller may know that it was paid, so it is never reversed automatically (M6, M10).
        """
        return executed_at < self.sent_at - _PG_CLOCK_SKEW_MAX

    @property
    def is_open(self) -> bool:
        return self.state in ("sending", "unknown")

    @property
    def reference(self) -> Attempt:
        return Attempt(attempt_id=self.attempt_id, business_date=self.business_date)


ATTEMPT_COLUMNS = """
            a.merchant_id, a.attempt_id, a.imp_uid, a.kind, a.channel_id, a.pg_merchant_id,
            a.pg_order_id, a.business_date, a.amount_krw, a.state, a.detail, a.pg_code, a.pg_text,
            a.is_reversal, a.notify_merchant, a.remain_krw, a.tax_free_krw, a.reason, a.pg_tid,
            a.lookups, a.sent_at, a.answered_at, a.clock_offset_s, a.next_lookup_at, a.deadline_at,
            a.escalated_at, a.request_id"""


async def close_attempt(
    connection: Connection, merchant_id: int, attempt_id: str, outcome: Outcome, *, now: datetime
) -> bool:
    """Record the outcome of an attempt; False, and nothing written, if it is final already.

    An unresolved attempt keeps its next lookup time. One whose answer contradicts the request is
    looked up at once (M7).
    """
    row = await connection.fetchrow(
        """UPDATE pg_attempts
           SET state = $3, detail = $4, pg_code = $5, pg_text = $6, pg_tid = $7, answered_at = $8,
               receipt_url = $9, leased_until = NULL, exchanges = exchanges || $11::text[],
               next_lookup_at = CASE WHEN $3 <> 'unknown' THEN NULL WHEN $10 THEN $8
                                   ELSE next_lookup_at END
           WHERE merchant_id = $1 AND attempt_id = $2 AND state IN ('sending', 'unknown')
           RETURNING attempt_id""",
        merchant_id,
        attempt_id,
        state_after(outcome),
        getattr(outcome, "why", None),
        getattr(outcome, "code", None),
        getattr(outcome, "text", None),
        outcome.cancel_tid if isinstance(outcome, Cancelled) else getattr(outcome, "pg_tid", None),
        now,
        getattr(outcome, "receipt_url", None),
        isinstance(outcome, Unknown) and outcome.pg_tid is not None,
        encode_exchange(outcome),
    )
    return row is not None


async def look_up_failed(
    connection: Connection, merchant_id: int, attempt_id: str, *, now: datetime
) -> bool:
    """Have a failed attempt looked up now, because an approval contradicts it.

    False, and nothing written, if it has not failed.
    """
    row = await connection.fetchrow(
        """UPDATE pg_attempts SET next_lookup_at = $3
           WHERE merchant_id = $1 AND attempt_id = $2 AND state IN ('declined', 'not_sent')
           RETURNING attempt_id""",
        merchant_id,
        attempt_id,
        now,
    )
    return row is not None


async def free_idempotency_key(
    connection: Connection, merchant_id: int, attempt_id: str
) -> str | None:
    """Take an attempt's idempotency key from it, for the attempt that goes on, and return it."""
    key: str | None = await connection.fetchval(
        """UPDATE pg_attempts a SET idempotency_key = NULL
           FROM (SELECT idempotency_key FROM pg_attempts
                 WHERE merchant_id = $1 AND attempt_id = $2 FOR UPDATE) AS old
           WHERE a.merchant_id = $1 AND a.attempt_id = $2 RETURNING old.idempotency_key""",
        merchant_id,
        attempt_id,
    )
    return key


async def is_open(connection: Connection, merchant_id: int, attempt_id: str) -> bool:
    """Tell whether the attempt has no final outcome yet."""
    state = await connection.fetchval(
        "SELECT state FROM pg_attempts WHERE merchant_id = $1 AND attempt_id = $2",
        merchant_id,
        attempt_id,
    )
    return state in ("sending", "unknown")


def encode_exchange(outcome: Outcome) -> list[str]:
    """Encode the request and the response of an outcome as JSON; the provider has masked them."""
    exchange = None if isinstance(outcome, NotSent) else outcome.exchange
    return [] if exchange is None else [msgspec.json.encode(exchange).decode()]


async def close_approval(
    connection: Connection, merchant_id: int, imp_uid: str, outcome: Declined, *, now: datetime
) -> None:
    """Close the payment's approval attempt as declined, in any state, and end its lookups."""
    await connection.execute(
        """UPDATE pg_attempts
           SET state = 'declined', detail = $4, pg_code = coalesce(pg_code, $3), answered_at = $5,
               next_lookup_at = NULL, leased_until = NULL
           WHERE merchant_id = $1 AND imp_uid = $2 AND kind IN ('approve', 'charge', 'issue_key')
             AND state IN ('sending', 'unknown', 'declined')""",
        merchant_id,
        imp_uid,
        outcome.code,
        outcome.text,
        now,
    )


async def attempt(database: Database, merchant_id: int, attempt_id: str) -> PaymentAttempt:
    row = await database.fetchrow(
        f"""SELECT {ATTEMPT_COLUMNS} FROM pg_attempts a
            WHERE a.merchant_id = $1 AND a.attempt_id = $2""",
        merchant_id,
        attempt_id,
    )
    if row is None:
        raise Unavailable(f"attempt {attempt_id}, which the database has lost,", retry_after_s=2)
    return to_attempt(row)


async def by_idempotency_key(
    database: Database, merchant_id: int, key: str
) -> PaymentAttempt | None:
    """The first attempt that was made under a caller's idempotency key."""
    row = await database.fetchrow(
        f"""SELECT {ATTEMPT_COLUMNS} FROM pg_attempts a
            WHERE a.merchant_id = $1 AND a.idempotency_key = $2 ORDER BY a.sent_at LIMIT 1""",
        merchant_id,
        key,
    )
    return None if row is None else to_attempt(row)


async def approval_of(database: Database, merchant_id: int, imp_uid: str) -> PaymentAttempt | None:
    """The one attempt that approved, or may have approved, the payment."""
    row = await database.fetchrow(
        f"""SELECT {ATTEMPT_COLUMNS} FROM pg_attempts a
            WHERE a.merchant_id = $1 AND a.imp_uid = $2
              AND a.kind IN ('approve', 'issue_key', 'charge') AND a.state <> 'not_sent'
              AND NOT a.is_replaced""",
        merchant_id,
        imp_uid,
    )
    return None if row is None else to_attempt(row)


async def claim_lookups_any_merchant(
    database: Database,
    *,
    now: datetime,
    leased_until: datetime,
    batch: int,
    only_merchant_id: int | None,
) -> list[PaymentAttempt]:
    """Lease up to `batch` attempts whose lookup is due. A worker that dies loses its lease."""
    rows = await database.fetch(
        f"""WITH due AS MATERIALIZED (
                SELECT merchant_id, attempt_id FROM pg_attempts
                WHERE next_lookup_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
                  AND kind <> 'delete_key' AND coalesce(merchant_id = $4::bigint, true)
                ORDER BY next_lookup_at LIMIT $3 FOR UPDATE SKIP LOCKED
            )
            UPDATE pg_attempts a SET leased_until = $2, lookups = lookups + 1
            WHERE (a.merchant_id, a.attempt_id) IN (SELECT merchant_id, attempt_id FROM due)
            RETURNING {ATTEMPT_COLUMNS}""",
        now,
        leased_until,
        batch,
        only_merchant_id,
    )
    return [to_attempt(row) for row in rows]


async def schedule_lookup(
    connection: Connection | Database,
    merchant_id: int,
    attempt_id: str,
    *,
    at: datetime | None,
    detail: str | None,
) -> None:
    """Set the time of the next lookup; None ends automatic lookups."""
    await connection.fetch(
        """UPDATE pg_attempts SET next_lookup_at = $3, detail = coalesce($4, detail),
               leased_until = NULL
           WHERE merchant_id = $1 AND attempt_id = $2""",
        merchant_id,
        attempt_id,
        at,
        detail,
    )


async def escalate(
    connection: Connection, merchant_id: int, attempt_id: str, *, detail: str, now: datetime
) -> bool:
    """Escalate an attempt; False if it was resolved or escalated before."""
    row = await connection.fetchrow(
        """UPDATE pg_attempts
           SET escalated_at = $4, next_lookup_at = NULL, leased_until = NULL, detail = $3
           WHERE merchant_id = $1 AND attempt_id = $2 AND escalated_at IS NULL
             AND state IN ('sending', 'unknown')
           RETURNING attempt_id""",
        merchant_id,
        attempt_id,
        detail,
        now,
    )
    return row is not None


async def wake_by_order_any_merchant(
    database: Database, *, pg_merchant_id: str, pg_order_id: str, now: datetime
) -> list[PaymentAttempt]:
    """Make the lookups of an order due now, because a PG notification names it."""
    rows = await database.fetch(
        f"""UPDATE pg_attempts a SET next_lookup_at = $3
            WHERE a.pg_order_id = $2 AND a.pg_merchant_id = $1 AND a.state <> 'approved'
              AND a.kind IN ('approve', 'charge', 'issue_key', 'cancel')
            RETURNING {ATTEMPT_COLUMNS}""",
        pg_merchant_id,
        pg_order_id,
        now,
    )
    return [to_attempt(row) for row in rows]


async def is_order_known_any_merchant(
    database: Database, *, pg_merchant_id: str, pg_order_id: str
) -> bool:
    row = await database.fetchrow(
        "SELECT 1 FROM pg_attempts WHERE pg_order_id = $2 AND pg_merchant_id = $1 LIMIT 1",
        pg_merchant_id,
        pg_order_id,
    )
    return row is not None


async def is_sandbox_order_any_merchant(
    database: Database, *, pg_merchant_id: str, pg_order_id: str
) -> bool:
    row = await database.fetchrow(
        """SELECT bool_and(c.is_sandbox) AS is_sandbox
           FROM pg_attempts a
           JOIN channels c ON c.merchant_id = a.merchant_id AND c.channel_id = a.channel_id
           WHERE a.pg_order_id = $2 AND a.pg_merchant_id = $1""",
        pg_merchant_id,
        pg_order_id,
    )
    return row is not None and row["is_sandbox"] is True


async def unresolved_attempt_any_merchant(
    database: Database, attempt_id: str
) -> PaymentAttempt | None:
    """An unresolved attempt by its id alone, for the operator."""
    row = await database.fetchrow(
        f"""SELECT {ATTEMPT_COLUMNS} FROM pg_attempts a
            WHERE a.attempt_id = $1 AND a.state IN ('sending', 'unknown')
              AND a.kind <> 'delete_key'""",
        attempt_id,
    )
    return None if row is None else to_attempt(row)


async def is_unresolved(database: Database, merchant_id: int, attempt_id: str) -> bool:
    """Whether the merchant has an attempt of this id whose outcome is not known."""
    row = await database.fetchrow(
        """SELECT 1 FROM pg_attempts
           WHERE merchant_id = $1 AND attempt_id = $2 AND state IN ('sending', 'unknown')
             AND kind <> 'delete_key'""",
        merchant_id,
        attempt_id,
    )
    return row is not None


def state_after(outcome: Outcome | KeyDeleted) -> State:
    match outcome:
        case Approved() | KeyIssued() | Cancelled() | KeyDeleted():
            return "approved"
        case Declined():
            return "declined"
        case Unknown():
            return "unknown"
        case NotSent():
            return "not_sent"


def to_attempt(row: Row) -> PaymentAttempt:
    names = PaymentAttempt.__dataclass_fields__
    values = {name: row[name] for name in names}
    return PaymentAttempt(**{**values, "kind": AttemptKind(values["kind"])})

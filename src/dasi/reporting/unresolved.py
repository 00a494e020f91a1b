"""Attempts whose outcome is not known: lists and counts for operators, and metrics for alarms.

The end of a billing key at the PG (`delete_key`) is left out everywhere: dasi repeats that request
until it succeeds, and no money depends on it.
"""

from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Gauge

from dasi.engine import Engine
from dasi.foundation.db import Database
from dasi.foundation.pages import Cursor, Page, make_page

_ROWS_MAX = 1_000
_OPEN = Gauge(
    "dasi_unresolved_attempts",
    "Attempts whose outcome is not known, by handling: automatic or manual",
    ["handling"],
    multiprocess_mode="mostrecent",
)
_DEADLINE = Gauge(
    "dasi_unresolved_attempts_deadline_seconds",
    "Seconds until the next attempt is escalated; +Inf if there is none",
    multiprocess_mode="mostrecent",
)
_COLUMNS = """
    m.code AS merchant_code, a.imp_uid, p.merchant_uid, a.attempt_id, a.kind, a.amount_krw, a.state,
    a.pg_merchant_id, a.pg_order_id, a.pg_tid, a.detail, a.lookups, a.sent_at, a.next_lookup_at,
    a.deadline_at, a.escalated_at, a.request_id"""
_SOURCE = """pg_attempts a
    JOIN merchants m ON m.merchant_id = a.merchant_id
    JOIN payments p ON p.merchant_id = a.merchant_id AND p.imp_uid = a.imp_uid"""
_IS_UNRESOLVED = "a.state IN ('sending', 'unknown') AND a.kind <> 'delete_key'"
_COUNTS = """
    count(*) FILTER (WHERE a.escalated_at IS NULL)::int AS automatic,
    count(*) FILTER (WHERE a.escalated_at IS NOT NULL)::int AS manual,
    min(a.deadline_at) FILTER (WHERE a.escalated_at IS NULL) AS deadline_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedAttempt:
    """One request to the PG whose outcome is not known, and the next step of its handling."""

    merchant_code: str
    imp_uid: str
    merchant_uid: str
    attempt_id: str
    kind: str
    amount_krw: int
    state: str
    pg_merchant_id: str
    pg_order_id: str | None
    pg_tid: str | None
    """The number that an answer claimed before it failed a check."""
    detail: str | None
    """The cause; None: the process that sent the request ended before it had the answer."""
    lookups: int
    sent_at: datetime
    next_lookup_at: datetime | None
    deadline_at: datetime
    escalated_at: datetime | None
    request_id: str | None

    @property
    def is_manual(self) -> bool:
        return self.escalated_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedCounts:
    automatic: int
    manual: int
    deadline_at: datetime | None
    """The nearest deadline of the attempts that are looked up automatically."""

    @property
    def all(self) -> int:
        return self.automatic + self.manual


async def list_unresolved_any_merchant(engine: Engine) -> list[UnresolvedAttempt]:
    """Return the unresolved attempts of all merchants: manual ones first, then by deadline."""
    rows = await engine.database.fetch(
        f"""SELECT {_COLUMNS} FROM {_SOURCE} WHERE {_IS_UNRESOLVED}
            ORDER BY a.escalated_at NULLS LAST, a.deadline_at LIMIT $1""",
        _ROWS_MAX,
    )
    return [UnresolvedAttempt(**row) for row in rows]


async def list_unresolved(
    engine: Engine, merchant_id: int, *, is_manual: bool, after: Cursor | None, limit: int
) -> Page[UnresolvedAttempt]:
    """Return a page of a merchant's manual or automatic attempts, soonest deadline first."""
    at, attempt_id = after or (None, None)
    rows = await engine.database.fetch(
        f"""SELECT {_COLUMNS} FROM {_SOURCE}
            WHERE a.merchant_id = $1 AND {_IS_UNRESOLVED} AND (a.escalated_at IS NOT NULL) = $2
              AND ($3::timestamptz IS NULL OR (a.deadline_at, a.attempt_id) > ($3, $4))
            ORDER BY a.deadline_at, a.attempt_id LIMIT $5""",
        merchant_id,
        is_manual,
        at,
        attempt_id,
        limit + 1,
    )
    return make_page(
        [UnresolvedAttempt(**row) for row in rows],
        limit=limit,
        cursor=lambda attempt: Cursor(attempt.deadline_at, attempt.attempt_id),
    )


async def count_unresolved(engine: Engine, merchant_id: int) -> UnresolvedCounts:
    """Count the attempts of a merchant that are looked up and those that need an operator."""
    row = await engine.database.fetchrow(
        f"""SELECT {_COUNTS} FROM pg_attempts a
            WHERE a.merchant_id = $1 AND {_IS_UNRESOLVED}""",
        merchant_id,
    )
    assert row is not None, "an aggregate always has a row"
    return UnresolvedCounts(**row)


async def publish_unresolved_metrics(engine: Engine) -> None:
    """Set the gauges. Alarm on `dasi_unresolved_attempts{handling="manual"} > 0`.

    The counts come from the database, so every gateway shows the attempts of all processes.
    """
    counts = await _count_any_merchant(engine.database)
    _OPEN.labels("automatic").set(counts.automatic)
    _OPEN.labels("manual").set(counts.manual)
    left_s = float("inf")
    if counts.deadline_at is not None:
        left_s = (counts.deadline_at - engine.clock.now()).total_seconds()
    _DEADLINE.set(left_s)


async def _count_any_merchant(database: Database) -> UnresolvedCounts:
    row = await database.fetchrow(f"SELECT {_COUNTS} FROM pg_attempts a WHERE {_IS_UNRESOLVED}")
    assert row is not None, "an aggregate always has a row"
    return UnresolvedCounts(**row)

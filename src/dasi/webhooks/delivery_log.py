"""The delivery log: which deliveries there are, and each POST of them."""

from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.foundation.pages import Cursor, Page, make_page
from dasi.webhooks.retry_policy import DeliveryState

LIST_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one URL."""

    delivery_id: str
    event_id: str
    kind: str
    resource_id: str
    url: str
    state: DeliveryState
    attempts: int
    last_answer: str | None
    next_attempt_at: datetime | None
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One POST of a delivery."""

    number: int
    at: datetime
    took_ms: int
    url: str
    request: str
    http_status: int | None
    answer: str
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryHealth:
    """Deliveries counted by their state."""

    delivered: int
    pending: int
    failed: int


async def list_deliveries(
    engine: Engine,
    merchant_id: int,
    *,
    state: str | None,
    resource_id: str | None,
    after: Cursor | None = None,
    limit: int,
) -> Page[Delivery]:
    """Return a page of the deliveries in `state` and of a resource or event, newest first.

    None does not filter.
    """
    assert 1 <= limit <= LIST_MAX, "checked by the caller"
    rows = await engine.database.fetch(
        """SELECT d.delivery_id, d.event_id, e.kind, d.resource_id, d.url, d.state, d.attempts,
                  d.last_answer,
                  CASE WHEN d.state = 'pending' AND d.next_attempt_at < 'infinity'
                       THEN d.next_attempt_at END AS next_attempt_at,
                  d.created_at, d.done_at
           FROM deliveries d
           JOIN webhook_events e ON e.merchant_id = d.merchant_id AND e.event_id = d.event_id
           WHERE d.merchant_id = $1 AND ($2::text IS NULL OR d.state = $2)
             AND ($3::text IS NULL OR d.resource_id = $3 OR d.event_id = $3)
             AND (d.created_at, d.delivery_id) < (coalesce($4::timestamptz, 'infinity'), $5)
           ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT $6""",
        merchant_id,
        state,
        resource_id,
        *(after or (None, "")),
        limit + 1,
    )
    return make_page(
        [Delivery(**row) for row in rows],
        limit=limit,
        cursor=lambda delivery: Cursor(delivery.created_at, delivery.delivery_id),
    )


async def list_attempts(
    engine: Engine, merchant_id: int, delivery_id: str
) -> list[DeliveryAttempt]:
    """Return every POST of a delivery, oldest first."""
    rows = await engine.database.fetch(
        """SELECT number, at, took_ms, url, request, http_status, answer, next_attempt_at
           FROM delivery_attempts WHERE merchant_id = $1 AND delivery_id = $2 ORDER BY number""",
        merchant_id,
        delivery_id,
    )
    return [DeliveryAttempt(**row) for row in rows]


async def delivery_health(engine: Engine, merchant_id: int, *, since: datetime) -> DeliveryHealth:
    """Count the deliveries created since a moment by their state now."""
    rows = await engine.database.fetch(
        """SELECT state, count(*)::int AS deliveries FROM deliveries
           WHERE merchant_id = $1 AND created_at >= $2 GROUP BY state""",
        merchant_id,
        since,
    )
    counts = {row["state"]: row["deliveries"] for row in rows}
    return DeliveryHealth(
        delivered=counts.get("delivered", 0),
        pending=counts.get("pending", 0),
        failed=counts.get("failed", 0),
    )

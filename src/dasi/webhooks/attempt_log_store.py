"""SQL of the delivery log: what was tried, and what is to be tried again."""

from datetime import datetime

from dasi.events import OWN_URL
from dasi.foundation.db import Database
from dasi.webhooks.event import Delivery, DeliveryAttempt

_DELIVERY = """d.delivery_id, d.event_id, e.kind, d.resource_id, d.url, d.state, d.attempts,
    d.last_answer, CASE WHEN d.state = 'pending' THEN d.next_attempt_at END AS next_attempt_at,
    d.created_at, d.done_at"""
_SOURCE = """deliveries d JOIN webhook_events e
    ON e.merchant_id = d.merchant_id AND e.event_id = d.event_id"""


async def deliveries(
    database: Database,
    merchant_id: int,
    *,
    state: str | None,
    resource_id: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Delivery]:
    """Newest first."""
    rows = await database.fetch(
        f"""SELECT {_DELIVERY} FROM {_SOURCE}
            WHERE d.merchant_id = $1 AND ($2::text IS NULL OR d.state = $2)
              AND ($3::text IS NULL OR d.resource_id = $3 OR d.event_id = $3)
              AND (d.created_at, d.delivery_id) < (coalesce($4::timestamptz, 'infinity'), $5)
            ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT $6""",
        merchant_id,
        state,
        resource_id,
        *(after or (None, "")),
        limit,
    )
    return [Delivery(**row) for row in rows]


async def attempts(database: Database, merchant_id: int, delivery_id: str) -> list[DeliveryAttempt]:
    """Oldest first."""
    rows = await database.fetch(
        """SELECT number, at, took_ms, url, request, http_status, answer, next_attempt_at
           FROM delivery_attempts WHERE merchant_id = $1 AND delivery_id = $2 ORDER BY number""",
        merchant_id,
        delivery_id,
    )
    return [DeliveryAttempt(**row) for row in rows]


async def resend_event(
    database: Database, merchant_id: int, event_id: str, *, now: datetime
) -> int:
    """Every delivery of an event is due again, with a whole retry schedule before it. How many."""
    rows = await database.fetch(
        """UPDATE deliveries
           SET state = 'pending', cycle_attempts = 0, next_attempt_at = $3,
               done_at = NULL, responded_at = NULL
           WHERE merchant_id = $1 AND event_id = $2
             AND (leased_until IS NULL OR leased_until <= $3)
           RETURNING delivery_id""",
        merchant_id,
        event_id,
        now,
    )
    return len(rows)


async def deliver_undelivered_event(
    database: Database, merchant_id: int, event_id: str, *, now: datetime
) -> int:
    """An event that had nowhere to go gets a delivery to the merchant's present URL."""
    rows = await database.fetch(
        f"""INSERT INTO deliveries (merchant_id, delivery_id, event_id, resource_id, version, url,
                                   content_type, state, next_attempt_at, created_at)
           SELECT e.merchant_id, e.event_id || '.1', e.event_id, e.resource_id, e.version,
                  {OWN_URL}, m.webhook_content_type, 'pending', $3, $3
           FROM webhook_events e JOIN merchants m ON m.merchant_id = e.merchant_id
           LEFT JOIN channels c ON c.merchant_id = e.merchant_id AND c.channel_id = e.channel_id
           WHERE e.merchant_id = $1 AND e.event_id = $2 AND {OWN_URL} IS NOT NULL
           ON CONFLICT DO NOTHING
           RETURNING delivery_id""",
        merchant_id,
        event_id,
        now,
    )
    return len(rows)


async def replay_between(
    database: Database,
    merchant_id: int,
    *,
    since: datetime,
    until: datetime,
    only_failed: bool,
    now: datetime,
) -> int:
    """Deliveries made in [since, until) are due again, those of one payment in order. How many."""
    rows = await database.fetch(
        """UPDATE deliveries
           SET state = 'pending', cycle_attempts = 0, next_attempt_at = $5,
               done_at = NULL, responded_at = NULL
           WHERE merchant_id = $1 AND created_at >= $2 AND created_at < $3
             AND (state = 'failed' OR (NOT $4 AND state = 'delivered'))
           RETURNING delivery_id""",
        merchant_id,
        since,
        until,
        only_failed,
        now,
    )
    return len(rows)


async def event_exists(database: Database, merchant_id: int, event_id: str) -> bool:
    row = await database.fetchrow(
        "SELECT 1 FROM webhook_events WHERE merchant_id = $1 AND event_id = $2",
        merchant_id,
        event_id,
    )
    return row is not None

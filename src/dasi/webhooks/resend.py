"""Resend: make the deliveries of an event or of a period due again."""

from datetime import datetime

from dasi.engine import Engine
from dasi.events import OWN_URL
from dasi.foundation.errors import Invalid, NotFound


async def resend_event(engine: Engine, merchant_id: int, event_id: str) -> int:
    """Make an event's deliveries due again and return their count.

    An event without deliveries gets one for the merchant's present URL.
    Raises `NotFound("unknown_event")`, and `Invalid` if there is no URL or a POST is under way.
    """
    now = engine.clock.now()
    if not await _event_exists(engine, merchant_id, event_id):
        raise NotFound("unknown_event", event_id=event_id[:40])
    due = await _reset_deliveries(engine, merchant_id, event_id, now=now)
    due = due or await _insert_delivery(engine, merchant_id, event_id, now=now)
    if not due:
        raise Invalid("event_id", "resendable_event")
    return due


async def replay_events(
    engine: Engine, merchant_id: int, *, since: datetime, until: datetime, only_failed: bool
) -> int:
    """Make the deliveries created in [since, until) due again and return their count.

    Deliveries of one payment go out in order.
    """
    if until <= since:
        raise Invalid("until", "after_since")
    rows = await engine.database.fetch(
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
        engine.clock.now(),
    )
    return len(rows)


async def _event_exists(engine: Engine, merchant_id: int, event_id: str) -> bool:
    row = await engine.database.fetchrow(
        "SELECT 1 FROM webhook_events WHERE merchant_id = $1 AND event_id = $2",
        merchant_id,
        event_id,
    )
    return row is not None


async def _reset_deliveries(
    engine: Engine, merchant_id: int, event_id: str, *, now: datetime
) -> int:
    """Give every delivery of an event that no worker holds a whole retry schedule again."""
    rows = await engine.database.fetch(
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


async def _insert_delivery(
    engine: Engine, merchant_id: int, event_id: str, *, now: datetime
) -> int:
    """Insert a delivery to the merchant's present URL for an event that has none."""
    rows = await engine.database.fetch(
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

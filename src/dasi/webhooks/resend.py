"""Send again: one event, or a range. And read the log of what was sent."""

from datetime import datetime

from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotFound
from dasi.webhooks import attempt_log_store
from dasi.webhooks.event import Delivery, DeliveryAttempt

LIST_MAX = 1_000


async def resend_event(engine: Engine, merchant_id: int, event_id: str) -> int:
    """Sends an event again to where it went, or to the merchant's URL if it went nowhere.

    How many deliveries are due now. `NotFound("unknown_event")`; `Invalid` if there is no URL.
    """
    now = engine.clock.now()
    if not await attempt_log_store.event_exists(engine.database, merchant_id, event_id):
        raise NotFound("unknown_event", event_id=event_id[:40])
    due = await attempt_log_store.resend_event(engine.database, merchant_id, event_id, now=now)
    due = due or await attempt_log_store.deliver_undelivered_event(
        engine.database, merchant_id, event_id, now=now
    )
    if not due:
        raise Invalid("event_id", "resendable_event")
    return due


async def replay_events(
    engine: Engine, merchant_id: int, *, since: datetime, until: datetime, only_failed: bool
) -> int:
    """Sends the deliveries of a span of time again, each payment's in order. How many."""
    if until <= since:
        raise Invalid("until", "after_since")
    return await attempt_log_store.replay_between(
        engine.database,
        merchant_id,
        since=since,
        until=until,
        only_failed=only_failed,
        now=engine.clock.now(),
    )


async def list_deliveries(
    engine: Engine,
    merchant_id: int,
    *,
    state: str | None,
    resource_id: str | None,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> list[Delivery]:
    """Newest first; of one state, and of one payment or event, if given.

    `after` is where a page ended: `created_at` and `delivery_id` of its last.
    """
    assert 1 <= limit <= LIST_MAX, "checked by whoever asks"
    return await attempt_log_store.deliveries(
        engine.database, merchant_id, state=state, resource_id=resource_id, after=after, limit=limit
    )


async def list_attempts(
    engine: Engine, merchant_id: int, delivery_id: str
) -> list[DeliveryAttempt]:
    """Every POST of a delivery, oldest first."""
    return await attempt_log_store.attempts(engine.database, merchant_id, delivery_id)

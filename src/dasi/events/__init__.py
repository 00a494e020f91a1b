"""Events: written in the transaction that made them true, and read back from a feed."""

from dasi.events.feed import (
    LIMIT_MAX,
    Event,
    FeedPage,
    commit_offset,
    get_offset,
    read_feed,
    tail_cursor,
)
from dasi.events.old_events import delete_old_events
from dasi.events.outbox import (
    ENQUEUE_EVENTS_CTE,
    OWN_URL,
    enqueue_event,
    enqueue_extended_event,
    notify_workers,
)

__all__ = [
    "ENQUEUE_EVENTS_CTE",
    "LIMIT_MAX",
    "OWN_URL",
    "Event",
    "FeedPage",
    "commit_offset",
    "delete_old_events",
    "enqueue_event",
    "enqueue_extended_event",
    "get_offset",
    "notify_workers",
    "read_feed",
    "tail_cursor",
]

"""Events, deliveries and attempts as their readers see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dasi.webhooks.retry_policy import DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that became true. `sequence` is its place in the merchant's feed."""

    sequence: int
    event_id: str
    kind: str
    resource_id: str
    """What it happened to: `imp_uid` of a payment, or the id of a key or a schedule."""
    version: int
    """Grows with every event about the same thing."""
    body: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class FeedPage:
    events: tuple[Event, ...]
    next_cursor: int
    """Read on after this one."""
    remaining: int
    """How many more there are."""


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

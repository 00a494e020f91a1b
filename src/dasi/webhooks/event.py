"""Events, deliveries and tries as their readers see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dasi.webhooks.retry_policy import DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that became true. `feed_no` is its place in the merchant's feed."""

    feed_no: int
    event_id: str
    kind: str
    about: str
    """What it happened to: `imp_uid` of a payment, or the id of a key or a schedule."""
    version: int
    """Grows with every event about the same thing."""
    body: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class FeedPage:
    events: tuple[Event, ...]
    last_no: int
    """Read on after this one."""
    left: int
    """How many more there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one URL."""

    delivery_id: str
    event_id: str
    kind: str
    about: str
    url: str
    state: DeliveryState
    tries: int
    last_answer: str | None
    next_try_at: datetime | None
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One POST of a delivery."""

    number: int
    at: datetime
    took_ms: int
    url: str
    request: str
    http_status: int | None
    answer: str
    next_try_at: datetime | None

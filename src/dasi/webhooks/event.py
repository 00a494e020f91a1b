"""Deliveries and their attempts as readers see them."""

from dataclasses import dataclass
from datetime import datetime

from dasi.webhooks.retry_policy import DeliveryState


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

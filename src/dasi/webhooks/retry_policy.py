"""The retry schedule, and the decision that follows from a response. Pure.

2xx                      delivered
408, 425, 429, 5xx, 3xx  not accepted: attempted again, not before its Retry-After
other 4xx                refused: attempted again, but later events need not wait for it
410                      waits, and nothing more goes to this URL until it is resumed
no response              as a 5xx
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from dasi.foundation.clock import parse_durations

LEAST = timedelta(hours=72)
RETRY_SCHEDULE = parse_durations(
    "5s,30s,2m,10m,30m,1h,2h,4h,4h,4h,4h,6h,6h,6h,6h,6h,6h,6h,6h,6h", least=LEAST
)
"""The default of `DASI_WEBHOOK_RETRY_SCHEDULE`: an endpoint may be away for a long weekend."""
_RETRY_AFTER_MAX = timedelta(hours=24)
_JITTER = 0.1
_GONE, _TIMEOUT, _EARLY, _MANY = 410, 408, 425, 429

RetrySchedule = tuple[timedelta, ...]
DeliveryState = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class HttpResult:
    """The response to one POST, or the reason that there is none."""

    http_status: int | None
    """None: there was no response."""
    text: str
    retry_after: timedelta | None
    took_ms: int


@dataclass(frozen=True, slots=True)
class DeliveryDecision:
    state: DeliveryState
    next_attempt_at: datetime
    has_responded: bool
    endpoint: Literal["healthy", "failing", "disabled"]


def evaluate_response(
    response: HttpResult, retry_schedule: RetrySchedule, *, attempts_before: int, now: datetime
) -> DeliveryDecision:
    """Decide the next state of a delivery after an attempt; `attempts_before` are of its cycle."""
    status = response.http_status
    if status is not None and status // 100 == 2:  # noqa: PLR2004  # the success codes
        return DeliveryDecision("delivered", now, has_responded=True, endpoint="healthy")
    if status == _GONE:
        return DeliveryDecision("pending", now, has_responded=False, endpoint="disabled")
    has_responded = (
        status is not None and status // 100 == 4 and status not in (_TIMEOUT, _EARLY, _MANY)  # noqa: PLR2004  # the client-error codes
    )
    endpoint: Literal["healthy", "failing"] = "healthy" if has_responded else "failing"
    if attempts_before >= len(retry_schedule):
        return DeliveryDecision("failed", now, has_responded=has_responded, endpoint=endpoint)
    # Up to a tenth more, so that a recovered endpoint does not get all deliveries at once.
    wait = retry_schedule[attempts_before] * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311  # no secret
    if response.retry_after is not None:
        wait = max(wait, min(response.retry_after, _RETRY_AFTER_MAX))
    return DeliveryDecision("pending", now + wait, has_responded=has_responded, endpoint=endpoint)


def read_retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """Read a Retry-After header, which holds seconds or a date; None for any other text."""
    if header is None:
        return None
    if header.strip().isdigit():
        return timedelta(seconds=min(int(header.strip()[:9]), 10**8))
    try:
        retry_at = parsedate_to_datetime(header)
    except ValueError:
        return None
    if retry_at.tzinfo is None:
        retry_at = retry_at.replace(tzinfo=UTC)
    return max(retry_at - now, timedelta())

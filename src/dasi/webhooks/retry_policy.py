"""The plan of tries, and what follows from an answer. Pure.

2xx                      delivered
408, 425, 429, 5xx, 3xx  not taken: tried again, not before its Retry-After
other 4xx                heard and refused: tried again, but later events need not wait for it
410                      parked, and nothing more goes to this receiver until it is resumed
no answer                as a 5xx
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from dasi.foundation.durations import parse_waits

LEAST = timedelta(hours=72)
PLAN = parse_waits("5s,30s,2m,10m,30m,1h,2h,4h,4h,4h,4h,6h,6h,6h,6h,6h,6h,6h,6h,6h", least=LEAST)
"""The default of `DASI_WEBHOOK_PLAN`: a receiver may be away for a long weekend."""
_RETRY_AFTER_MAX = timedelta(hours=24)
_JITTER = 0.1
_GONE, _TIMEOUT, _EARLY, _MANY = 410, 408, 425, 429

Plan = tuple[timedelta, ...]
DeliveryState = Literal["due", "delivered", "parked"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one POST came to."""

    http_status: int | None
    """None: there was no answer."""
    text: str
    retry_after: timedelta | None
    took_ms: int


@dataclass(frozen=True, slots=True)
class Verdict:
    state: DeliveryState
    next_try_at: datetime
    is_heard: bool
    receiver: Literal["well", "failing", "gone"]


def what_follows(answer: Answer, plan: Plan, *, tries_before: int, now: datetime) -> Verdict:
    """What becomes of a delivery after one more try of its round."""
    status = answer.http_status
    if status is not None and status // 100 == 2:  # noqa: PLR2004  # the success codes
        return Verdict("delivered", now, is_heard=True, receiver="well")
    if status == _GONE:
        return Verdict("parked", now, is_heard=True, receiver="gone")
    is_heard = (
        status is not None and status // 100 == 4 and status not in (_TIMEOUT, _EARLY, _MANY)  # noqa: PLR2004  # the client-error codes
    )
    receiver: Literal["well", "failing"] = "well" if is_heard else "failing"
    if tries_before >= len(plan):
        return Verdict("parked", now, is_heard=is_heard, receiver=receiver)
    # Up to a tenth more, so that receivers coming back are not met by everybody at once.
    wait = plan[tries_before] * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311  # no secret
    if answer.retry_after is not None:
        wait = max(wait, min(answer.retry_after, _RETRY_AFTER_MAX))
    return Verdict("due", now + wait, is_heard=is_heard, receiver=receiver)


def read_retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """Seconds or a date; None for what is neither."""
    if header is None:
        return None
    if header.strip().isdigit():
        return timedelta(seconds=min(int(header.strip()[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta())

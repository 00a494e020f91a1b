"""Send a request again with the other day when the PG refuses its day.

The PG's day begins when the PG's clock says so. Around midnight, and with a clock that is off, ours
is another one. A refusal for the date charged nothing, and it says nothing about the card. So the
request is sent once more with the other day: as an attempt of its own, with its own name (M4) and
written before it is sent (M2).
"""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import TypeVar

import structlog

from dasi.engine import Engine
from dasi.foundation.clock import KST, kst_day
from dasi.ledger import reserve_store
from dasi.providers.port import WRONG_DAY, Attempt, Declined

log = structlog.get_logger()
Outcome = TypeVar("Outcome")
_NOON_H = 12


async def send_on_either_day(
    engine: Engine,
    merchant_id: int,
    attempt: Attempt,
    send: Callable[[Attempt], Awaitable[Outcome]],
) -> tuple[Attempt, Outcome]:
    """Send a reserved attempt; return the attempt that decides, and its outcome."""
    outcome = await send(attempt)
    if not isinstance(outcome, Declined) or outcome.reason != WRONG_DAY:
        return attempt, outcome
    now = engine.clock.now()
    second = Attempt(
        attempt_id=f"{attempt.attempt_id}-d",
        business_date=_other_day(attempt.business_date, now),
        is_other_day=True,
    )
    log.warning("pg_refused_day", attempt_id=attempt.attempt_id, day=str(attempt.business_date))
    if not await reserve_store.reserve_other_day(
        engine.database, merchant_id, attempt, outcome, second, vault=engine.vault, now=now
    ):
        return attempt, outcome
    return second, await send(second)


def _other_day(refused: date, now: datetime) -> date:
    """Return today if midnight has passed since, else the day of the nearer midnight."""
    today = kst_day(now)
    if today != refused:
        return today
    is_morning = now.astimezone(KST).hour < _NOON_H
    return refused + timedelta(days=-1 if is_morning else 1)

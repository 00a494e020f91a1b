"""Retry declined charges by the merchant's retry policy: days after the first scheduled time.

Off unless set. A decline that needs another card is never retried (`providers.decline_reasons`).
Each retry charges the same order, with a payment and a webhook of its own.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import structlog

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Invalid
from dasi.merchants import find_clock_offset, set_retry_days
from dasi.providers.decline_reasons import REASONS
from dasi.schedules import retry_store, schedule_store
from dasi.schedules.retry_store import AwaitingRetry

log = structlog.get_logger()

BATCH = 100
DAY_MAX, RETRIES_MAX = 60, 10
_NEEDS_AN_OPERATOR = {"not_contracted", "payer_cancelled"}


async def set_retry_policy(engine: Engine, merchant_id: int, days: Sequence[int]) -> None:
    """Set the days of a merchant's retries, in growing order; none switches retries off.

    `Invalid` for too many days, or for days that do not grow from 1 to `DAY_MAX`.
    """
    is_growing = all(before < after for before, after in pairwise(days))
    if len(days) > RETRIES_MAX or not is_growing or not all(1 <= day <= DAY_MAX for day in days):
        raise Invalid("days", "retry_days", count_max=RETRIES_MAX, day_max=DAY_MAX)
    await set_retry_days(engine, merchant_id, days)


async def schedule_retries(engine: Engine) -> int:
    """Schedule again what was declined and may be retried; return how many schedules it read."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        schedules = await retry_store.claim_awaiting_retry_any_merchant(connection, batch=BATCH)
        for schedule in schedules:
            may_retry = (
                schedule.has_failed
                and is_worth_retrying(schedule.reason)
                and schedule.retries < len(schedule.retry_days)
            )
            if may_retry:
                await _schedule_retry(connection, schedule, now)
            else:
                await retry_store.end_awaiting_retry(
                    connection, schedule.merchant_id, schedule.schedule_id
                )
    return len(schedules)


async def _schedule_retry(connection: Connection, schedule: AwaitingRetry, now: datetime) -> None:
    days, retries = schedule.retry_days, schedule.retries
    schedule_at = schedule.schedule_at + timedelta(
        days=days[retries] - (days[retries - 1] if retries else 0)
    )
    clock_offset = await find_clock_offset(connection, schedule.merchant_id)
    await schedule_store.requeue(
        connection,
        schedule.merchant_id,
        schedule.schedule_id,
        schedule_at=schedule_at,
        due_at=max(schedule_at - clock_offset, now),
        is_retry=True,
        now=now,
    )
    log.info(
        "schedule_retry_created",
        schedule_id=schedule.schedule_id,
        retry=retries + 1,
        reason=schedule.reason,
        at=schedule_at.isoformat(),
    )


def is_worth_retrying(reason: str | None) -> bool:
    """Tell whether the same card may be approved on a later day; False for unknown reasons."""
    known = REASONS.get(reason or "")
    return known is not None and not known.needs_new_card and reason not in _NEEDS_AN_OPERATOR

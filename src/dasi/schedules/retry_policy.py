"""The merchant's plan of retries: on which days after a declined charge it is tried again.

Off unless set. What needs another card is never tried again by itself (`providers.reasons`). Each
retry is a charge of the same order with a payment of its own, and a webhook of its own.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import structlog

from dasi.engine import Engine
from dasi.foundation.errors import Invalid
from dasi.merchants import find_clock_offset, set_retry_days
from dasi.providers.decline_reasons import REASONS
from dasi.schedules import schedule_store, settings_store

log = structlog.get_logger()

BATCH = 100
DAY_MAX, RETRIES_MAX = 60, 10
_NEEDS_A_PERSON = {"not_contracted", "payer_cancelled"}


async def set_retry_policy(engine: Engine, merchant_id: int, days: Sequence[int]) -> None:
    """`days` after the time first scheduled, growing; none switches retries off."""
    is_growing = all(before < after for before, after in pairwise(days))
    if len(days) > RETRIES_MAX or not is_growing or not all(1 <= day <= DAY_MAX for day in days):
        raise Invalid("days", f"at most {RETRIES_MAX} growing numbers from 1 to {DAY_MAX}")
    await set_retry_days(engine, merchant_id, days)


async def schedule_retries(engine: Engine) -> int:
    """Books again what was declined and may be tried again; how many were looked at. For the
    worker."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        waiting = await settings_store.claim_awaiting_retry_any_merchant(connection, batch=BATCH)
        for one in waiting:
            may_retry = (
                one.has_failed
                and is_worth_retrying(one.reason)
                and one.retries < len(one.retry_days)
            )
            if not may_retry:
                await settings_store.end_awaiting_retry(
                    connection, one.merchant_id, one.schedule_id
                )
                continue
            before = one.retry_days[one.retries - 1] if one.retries else 0
            schedule_at = one.schedule_at + timedelta(days=one.retry_days[one.retries] - before)
            clock_offset = await find_clock_offset(connection, one.merchant_id)
            await schedule_store.requeue(
                connection,
                one.merchant_id,
                one.schedule_id,
                schedule_at=schedule_at,
                due_at=max(schedule_at - clock_offset, now),
                is_retry=True,
                now=now,
            )
            log.info(
                "schedule_retry_created",
                schedule_id=one.schedule_id,
                retry=one.retries + 1,
                reason=one.reason,
                at=schedule_at.isoformat(),
            )
    return len(waiting)


def is_worth_retrying(reason: str | None) -> bool:
    """Whether the same card may well say yes on a later day. An unknown reason counts as a no."""
    known = REASONS.get(reason or "")
    return known is not None and not known.needs_new_card and reason not in _NEEDS_A_PERSON

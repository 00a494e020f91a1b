"""Pause scheduled payments of one merchant or of all: none starts until they are resumed."""

from datetime import datetime

import structlog

from dasi.engine import Engine
from dasi.schedules import schedule_store

log = structlog.get_logger()

ALL = 0
"""Stands for every merchant."""


async def pause_schedules(engine: Engine, merchant_id: int | None, *, reason: str) -> None:
    """Pause a merchant's schedules, or with None all. Charges under way end as usual."""
    now = engine.clock.now()
    await schedule_store.insert_pause_any_merchant(
        engine.database, merchant_id or ALL, reason=reason, now=now
    )
    log.warning("schedules_paused", merchant_id=merchant_id, reason=reason)


async def resume_schedules(engine: Engine, merchant_id: int | None) -> bool:
    """Resume: what became due meanwhile starts now, in order. False if nothing was paused."""
    was_paused = await schedule_store.delete_pause_any_merchant(engine.database, merchant_id or ALL)
    log.warning("schedules_resumed", merchant_id=merchant_id, was_paused=was_paused)
    return was_paused


async def pauses(engine: Engine) -> dict[int, tuple[datetime, str]]:
    """Return all pauses by merchant id (`ALL` for every merchant), with start and reason."""
    return await schedule_store.pauses_any_merchant(engine.database)

"""The stop switch: no scheduled payment starts, of one merchant or of all, until it is resumed."""

from datetime import datetime

import structlog

from dasi.engine import Engine
from dasi.schedules import settings_store

log = structlog.get_logger()

ALL = 0
"""Stands for every merchant."""


async def pause_schedules(engine: Engine, merchant_id: int | None, *, reason: str) -> None:
    """Nothing that is not under way starts from now on. Scheduling and reading go on."""
    now = engine.clock.now()
    await settings_store.insert_pause_any_merchant(
        engine.database, merchant_id or ALL, reason=reason, now=now
    )
    log.warning("schedules_paused", merchant_id=merchant_id, reason=reason)


async def resume_schedules(engine: Engine, merchant_id: int | None) -> bool:
    """What became due meanwhile starts now, in order. False if it was not paused."""
    was_paused = await settings_store.delete_pause_any_merchant(engine.database, merchant_id or ALL)
    log.warning("schedules_resumed", merchant_id=merchant_id, was_paused=was_paused)
    return was_paused


async def pauses(engine: Engine) -> dict[int, tuple[datetime, str]]:
    """Since when and why, by merchant id; `ALL` for everybody."""
    return await settings_store.pauses_any_merchant(engine.database)

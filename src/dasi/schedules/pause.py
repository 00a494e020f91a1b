"""The stop switch: no booked charge starts, of one merchant or of all, until it is resumed."""

from datetime import datetime

import structlog

from dasi.engine import Engine
from dasi.schedules import settings_store

log = structlog.get_logger()

ALL = 0
"""Stands for every merchant."""


async def stop_schedules(engine: Engine, merchant_id: int | None, *, why: str) -> None:
    """Nothing that is not under way starts from now on. Booking and reading go on."""
    now = engine.clock.now()
    await settings_store.insert_stop_any_merchant(
        engine.database, merchant_id or ALL, why=why, now=now
    )
    log.warning("schedules_stopped", merchant_id=merchant_id, why=why)


async def resume_schedules(engine: Engine, merchant_id: int | None) -> bool:
    """What became due meanwhile starts now, in order. False if it was not stopped."""
    was_stopped = await settings_store.delete_stop_any_merchant(engine.database, merchant_id or ALL)
    log.warning("schedules_resumed", merchant_id=merchant_id, was_stopped=was_stopped)
    return was_stopped


async def stops(engine: Engine) -> dict[int, tuple[datetime, str]]:
    """Since when and why, by merchant id; `ALL` for everybody."""
    return await settings_store.stops_any_merchant(engine.database)

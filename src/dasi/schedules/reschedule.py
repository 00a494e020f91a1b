"""Move a schedule that waits, or schedule again one that failed or was revoked."""

from datetime import datetime

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, NotFound
from dasi.ledger import ensure_order_available
from dasi.merchants import find_clock_offset
from dasi.schedules import schedule_store
from dasi.schedules.create import check_moment
from dasi.schedules.schedule import Schedule, ScheduleStatus, awaits_planned_retry, has_failed


async def reschedule(
    engine: Engine,
    merchant_id: int,
    merchant_uid: str,
    *,
    schedule_at: datetime,
    include_sandbox: bool = True,
) -> Schedule:
    """Move a waiting schedule to another time and return it.

    `NotFound("unknown_schedule")`, `Invalid` for a past moment, `Conflict("schedule_not_waiting")`
    if it ran, runs or was revoked.
    """
    async with engine.database.transaction() as connection:
        schedule = await _lock(
            connection, merchant_id, merchant_uid, include_sandbox=include_sandbox
        )
        if schedule.status is not ScheduleStatus.SCHEDULED:
            raise Conflict("schedule_not_waiting", merchant_uid=merchant_uid)
        return await _requeue(engine, connection, schedule, schedule_at)


async def reopen(
    engine: Engine,
    merchant_id: int,
    merchant_uid: str,
    *,
    schedule_at: datetime,
    include_sandbox: bool = True,
) -> Schedule:
    """Schedule a declined or revoked schedule again and return it.

    Errors of `lock_ended_schedule`; `Invalid` for a past moment.
    """
    async with engine.database.transaction() as connection:
        schedule = await lock_ended_schedule(
            connection, merchant_id, merchant_uid, include_sandbox=include_sandbox
        )
        return await _requeue(engine, connection, schedule, schedule_at)


async def lock_ended_schedule(
    connection: Connection, merchant_id: int, merchant_uid: str, *, include_sandbox: bool
) -> Schedule:
    """Lock the newest schedule of a free order, if it was declined or revoked, and return it.

    One that was declined and waits for its planned retry has ended too.
    `NotFound("unknown_schedule")`, `Conflict("schedule_not_ended")` while it waits or runs,
    `Conflict("schedule_paid")`, and the errors of `ensure_order_available`.
    """
    schedule = await _lock(connection, merchant_id, merchant_uid, include_sandbox=include_sandbox)
    is_open = schedule.status in (ScheduleStatus.SCHEDULED, ScheduleStatus.RUNNING)
    if is_open and not awaits_planned_retry(schedule):
        raise Conflict("schedule_not_ended", merchant_uid=schedule.merchant_uid)
    if schedule.status is ScheduleStatus.EXECUTED and not has_failed(schedule):
        raise Conflict("schedule_paid", merchant_uid=schedule.merchant_uid)
    await ensure_order_available(connection, merchant_id, merchant_uid)
    return schedule


async def _lock(
    connection: Connection, merchant_id: int, merchant_uid: str, *, include_sandbox: bool
) -> Schedule:
    schedule = await schedule_store.newest_of_order_for_update(
        connection, merchant_id, merchant_uid, include_sandbox=include_sandbox
    )
    if schedule is None:
        raise NotFound("unknown_schedule", merchant_uid=merchant_uid[:40])
    return schedule


async def _requeue(
    engine: Engine, connection: Connection, schedule: Schedule, schedule_at: datetime
) -> Schedule:
    now = engine.clock.now()
    clock_offset = await find_clock_offset(connection, schedule.merchant_id)
    check_moment(schedule_at, merchant_now=now + clock_offset, field="schedule_at")
    is_requeued = await schedule_store.requeue(
        connection,
        schedule.merchant_id,
        schedule.schedule_id,
        schedule_at=schedule_at,
        due_at=schedule_at - clock_offset,
        is_retry=False,
        now=now,
    )
    if not is_requeued:
        raise Conflict("schedule_exists", merchant_uid=schedule.merchant_uid)
    (requeued,) = await schedule_store.by_ids(
        connection, schedule.merchant_id, [schedule.schedule_id]
    )
    return requeued

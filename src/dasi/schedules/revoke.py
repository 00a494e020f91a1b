"""Revoke waiting schedules: of one key, of some orders, or of both."""

from collections.abc import Sequence
from datetime import datetime

from dasi.billing_keys import BillingKey
from dasi.engine import Engine
from dasi.events import enqueue_extended_event
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.merchants import find_clock_offset
from dasi.schedules import schedule_store
from dasi.schedules.schedule import Schedule


async def revoke(
    engine: Engine,
    merchant_id: int,
    *,
    customer_uid: str | None,
    merchant_uids: Sequence[str],
    include_sandbox: bool = True,
) -> list[Schedule]:
    """Revoke waiting schedules of a key, of some orders, or of both, and return them by time.

    `Invalid` without key and orders. If none of them waits: `Conflict("schedule_running")` while a
    worker runs one of them, which is not revoked, else `NotFound("no_schedule_to_revoke")`.
    """
    if customer_uid is None and not merchant_uids:
        raise Invalid("customer_uid", "customer_or_order")
    async with engine.database.transaction() as connection:
        revoked = await _revoke(
            connection,
            merchant_id,
            customer_uid=customer_uid,
            merchant_uids=merchant_uids,
            include_sandbox=include_sandbox,
            now=engine.clock.now(),
        )
        running = await schedule_store.running_order(
            connection, merchant_id, customer_uid=customer_uid, merchant_uids=merchant_uids or None
        )
    if not revoked and running is not None:
        raise Conflict("schedule_running", merchant_uid=running)
    if not revoked:
        raise NotFound("no_schedule_to_revoke")
    return revoked


async def revoke_of_deleted_key(
    connection: Connection, key: BillingKey, now: datetime
) -> list[Schedule]:
    """Revoke the schedules of a deleted key, in the transaction that deletes the key (B5)."""
    return await _revoke(
        connection,
        key.merchant_id,
        customer_uid=key.customer_uid,
        merchant_uids=(),
        include_sandbox=True,
        now=now,
    )


async def revoke_test_schedules(
    connection: Connection, merchant_id: int, now: datetime
) -> list[Schedule]:
    """Revoke the test schedules of a merchant, in the transaction that makes it live (M12).

    Its clock is the machine's then, so `now` is the moment on both.
    """
    ids = await schedule_store.revoke_test_schedules(connection, merchant_id, now=now)
    return await _announce_revoked(connection, merchant_id, ids, now=now)


async def _revoke(
    connection: Connection,
    merchant_id: int,
    *,
    customer_uid: str | None,
    merchant_uids: Sequence[str],
    include_sandbox: bool,
    now: datetime,
) -> list[Schedule]:
    ids = await schedule_store.revoke(
        connection,
        merchant_id,
        customer_uid=customer_uid,
        merchant_uids=merchant_uids or None,
        include_sandbox=include_sandbox,
        revoked_at=now + await find_clock_offset(connection, merchant_id),
        now=now,
    )
    return await _announce_revoked(connection, merchant_id, ids, now=now)


async def _announce_revoked(
    connection: Connection, merchant_id: int, ids: Sequence[str], *, now: datetime
) -> list[Schedule]:
    revoked = await schedule_store.by_ids(connection, merchant_id, ids)
    for schedule in revoked:
        await enqueue_extended_event(
            connection,
            merchant_id,
            kind="schedule.revoked",
            resource_id=schedule.schedule_id,
            channel_id=schedule.channel_id,
            version=schedule.version,
            body={
                "merchant_uid": schedule.merchant_uid,
                "customer_uid": schedule.customer_uid,
                "status": "revoked",
            },
            now=now,
        )
    return sorted(revoked, key=lambda schedule: (schedule.schedule_at, schedule.schedule_id))

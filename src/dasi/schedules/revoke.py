"""Revoke charges that wait: of one key, of some orders, or of both."""

from collections.abc import Sequence
from datetime import datetime

from dasi.billing_keys import BillingKey, key_channels
from dasi.engine import Engine
from dasi.events import enqueue_extended_event
from dasi.foundation.db import Connection
from dasi.foundation.errors import Invalid, NotFound
from dasi.schedules import schedule_store
from dasi.schedules.schedule import Schedule


async def revoke(
    engine: Engine,
    merchant_id: int,
    *,
    customer_uid: str | None,
    merchant_uids: Sequence[str],
) -> list[Schedule]:
    """Revokes what waits and is selected: all of the key, those orders, or those of the key.

    `Invalid` if nothing is named, `NotFound("no_schedule_to_revoke")` if nothing of it waits. A
    charge that a worker has in hand is not revoked: it runs.
    """
    if customer_uid is None and not merchant_uids:
        raise Invalid("customer_uid", "customer_uid 또는 merchant_uid가 필요합니다")
    async with engine.database.transaction() as connection:
        revoked = await _revoke(
            connection,
            merchant_id,
            customer_uid=customer_uid,
            merchant_uids=merchant_uids,
            now=engine.clock.now(),
        )
    if not revoked:
        raise NotFound("no_schedule_to_revoke")
    return revoked


async def revoke_of_deleted_key(
    connection: Connection, key: BillingKey, now: datetime
) -> list[Schedule]:
    """The same in the transaction that takes a key out of use (B5)."""
    return await _revoke(
        connection, key.merchant_id, customer_uid=key.customer_uid, merchant_uids=(), now=now
    )


async def _revoke(
    connection: Connection,
    merchant_id: int,
    *,
    customer_uid: str | None,
    merchant_uids: Sequence[str],
    now: datetime,
) -> list[Schedule]:
    ids = await schedule_store.revoke(
        connection,
        merchant_id,
        customer_uid=customer_uid,
        merchant_uids=merchant_uids or None,
        revoked_at=now + await schedule_store.merchant_clock(connection, merchant_id),
        now=now,
    )
    revoked = await schedule_store.by_ids(connection, merchant_id, ids)
    channels = await key_channels(connection, merchant_id, {one.customer_uid for one in revoked})
    for one in revoked:
        await enqueue_extended_event(
            connection,
            merchant_id,
            kind="schedule.revoked",
            resource_id=one.schedule_id,
            channel_id=channels.get(one.customer_uid),
            version=one.version,
            body={
                "merchant_uid": one.merchant_uid,
                "customer_uid": one.customer_uid,
                "status": "revoked",
            },
            now=now,
        )
    return sorted(revoked, key=lambda one: (one.schedule_at, one.schedule_id))

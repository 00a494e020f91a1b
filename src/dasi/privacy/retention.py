"""Erase personal data, and PG messages, of payments that are older than a number of days.

A worker does it in small commits and remembers how far it is, so that an erased payment is never
read again.
"""

from datetime import timedelta

import structlog

from dasi.audit import ClientInfo, insert_audit
from dasi.engine import Engine
from dasi.merchants import list_merchants
from dasi.privacy import erase_store, pg_message_store
from dasi.privacy.erase import BATCH, COUNT_MAX

log = structlog.get_logger()

RETENTION_DAYS_MIN = 30
"""No payment, lookup, webhook or retry is under way for as long as this."""


async def count_expired(engine: Engine, merchant_id: int, *, days: int) -> int:
    """Return how many payments of a merchant are due for erasure, at most `COUNT_MAX`."""
    return await erase_store.count_buyers(
        engine.database,
        merchant_id,
        None,
        [],
        before=engine.clock.now() - timedelta(days=days),
        count_max=COUNT_MAX,
    )


async def erase_expired(
    engine: Engine, *, days: int, only_merchant_id: int | None = None, actor: str = "gateway"
) -> int:
    """Erase one batch of each merchant and return how many rows were read; 0: nothing is left."""
    assert days >= RETENTION_DAYS_MIN, "the setting and the command check it"
    rows = 0
    for merchant in await list_merchants(engine):
        if only_merchant_id in (None, merchant.merchant_id):
            rows += await _erase_payments(engine, merchant.merchant_id, days=days, actor=actor)
            rows += await _erase_others(engine, merchant.merchant_id, days=days)
    return rows


async def empty_old_messages(
    engine: Engine, merchant_id: int, *, older_than: timedelta, batch: int
) -> int:
    """Empty the messages to and from the PG of a batch of old payments; return about how many.

    Raises `Unavailable` if it would hold up a charge.
    """
    async with engine.database.housekeeping() as connection:
        progress = await erase_store.lock_progress(connection, merchant_id, "pg_messages")
        if progress is None:
            return 0
        last = await pg_message_store.empty_next_messages(
            connection,
            merchant_id,
            before=engine.clock.now() - older_than,
            after=progress,
            limit=batch,
        )
        if last is None:
            return 0
        await erase_store.save_progress(connection, merchant_id, "pg_messages", last)
    return batch


async def _erase_payments(engine: Engine, merchant_id: int, *, days: int, actor: str) -> int:
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        progress = await erase_store.lock_progress(connection, merchant_id, "payments")
        if progress is None:
            return 0
        payments = await erase_store.next_payments(
            connection,
            merchant_id,
            None,
            None,
            before=now - timedelta(days=days),
            after=progress,
            limit=BATCH,
        )
        if not payments:
            return 0
        erased = await erase_store.erase_buyers(
            connection, merchant_id, payments, vault=engine.vault, actor=actor, now=now
        )
        await erase_store.save_progress(connection, merchant_id, "payments", payments[-1].progress)
        if erased:
            await insert_audit(
                connection,
                merchant_id,
                user_id=None,
                email=actor,
                action="personal_data_erased",
                target=f"{payments[0].imp_uid} … {payments[-1].imp_uid}",
                detail=f"{erased} payments older than {days} days",
                client=ClientInfo(address="worker", user_agent="dasi"),
                now=now,
            )
    log.info("personal_data_erased", merchant_id=merchant_id, payments=erased, days=days)
    return len(payments)


async def _erase_others(engine: Engine, merchant_id: int, *, days: int) -> int:
    """Erase ended schedules that never became a payment, and ended billing keys."""
    before = engine.clock.now() - timedelta(days=days)
    async with engine.database.transaction() as connection:
        keys = await erase_store.erase_ended_keys(
            connection, merchant_id, before=before, limit=BATCH
        )
        progress = await erase_store.lock_progress(connection, merchant_id, "schedules")
        if progress is None:
            return keys
        last = await erase_store.erase_next_schedules(
            connection, merchant_id, before=before, after=progress, limit=BATCH
        )
        if last is not None:
            await erase_store.save_progress(connection, merchant_id, "schedules", last)
    return keys + (BATCH if last is not None else 0)

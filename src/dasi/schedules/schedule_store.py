"""SQL that creates, reads, moves, revokes and pauses schedules.

`dasi.scheduler.run_store` runs them; lists for the console are in `calendar_store`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from dasi.foundation.db import Connection, Database, Row
from dasi.ledger import ChargeDetails, Status, payment_store
from dasi.schedules.schedule import Schedule, ScheduleStatus

SCHEDULE_COLUMNS = """
    s.merchant_id, s.schedule_id, s.merchant_uid, s.customer_uid, s.customer_id, s.channel_id,
    c.is_sandbox, s.status,
    s.schedule_at, s.due_at, s.amount_krw, s.tax_free_krw, s.name, s.buyer_name, s.buyer_email,
    s.buyer_tel, s.buyer_addr, s.buyer_postcode, s.custom_data, s.notice_urls,
    s.card_quota AS quota_months, s.imp_uid, p.fail_reason,
    CASE WHEN p.amount_krw = s.amount_krw THEN p.status
         WHEN p.status <> 'pending' THEN 'failed' END AS payment_status,
    nullif(p.amount_krw, s.amount_krw) AS other_amount_krw, s.executed_at, s.revoked_at, s.retries,
    s.version"""
SCHEDULE_SOURCE = """schedules s
    JOIN channels c ON c.merchant_id = s.merchant_id AND c.channel_id = s.channel_id
    LEFT JOIN payments p ON p.merchant_id = s.merchant_id AND p.imp_uid = s.imp_uid"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A schedule to insert."""

    schedule_id: str
    details: ChargeDetails
    schedule_at: datetime
    due_at: datetime


async def existing_orders(
    connection: Connection, merchant_id: int, merchant_uids: Sequence[str]
) -> list[str]:
    """Those of the orders that have a schedule which is not revoked."""
    rows = await connection.fetch(
        """SELECT merchant_uid FROM schedules
           WHERE merchant_id = $1 AND merchant_uid = ANY ($2::text[]) AND status <> 'revoked'""",
        merchant_id,
        list(merchant_uids),
    )
    return [row["merchant_uid"] for row in rows]


async def insert_schedules(
    connection: Connection,
    merchant_id: int,
    rows: Sequence[ScheduleRow],
    *,
    customer_uid: str,
    customer_id: str | None,
    channel_id: int,
    now: datetime,
) -> bool:
    """Insert all rows; False, and none inserted, if another call has just scheduled an order."""
    try:
        async with connection.transaction():
            await connection.executemany(
                """INSERT INTO schedules (
                       merchant_id, schedule_id, merchant_uid, customer_uid, customer_id,
                       channel_id, status, schedule_at, due_at, amount_krw, tax_free_krw, name,
                       buyer_name, buyer_email, buyer_tel, buyer_addr, buyer_postcode, custom_data,
                       notice_urls, card_quota, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, 'scheduled', $7, $8, $9, $10, $11, $12, $13, $14,
                           $15, $16, $17, $18, $19, $20, $20)""",
                [
                    (
                        merchant_id,
                        row.schedule_id,
                        row.details.merchant_uid,
                        customer_uid,
                        customer_id,
                        channel_id,
                        row.schedule_at,
                        row.due_at,
                        row.details.amount_krw,
                        row.details.tax_free_krw,
                        row.details.name,
                        row.details.buyer.name,
                        row.details.buyer.email,
                        row.details.buyer.tel,
                        row.details.buyer.addr,
                        row.details.buyer.postcode,
                        row.details.custom_data,
                        list(row.details.notice_urls),
                        row.details.quota_months,
                        now,
                    )
                    for row in rows
                ],
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def by_ids(
    connection: Connection | Database, merchant_id: int, schedule_ids: Sequence[str]
) -> list[Schedule]:
    """Schedules in the order of their ids, which is the order of their creation."""
    rows = await connection.fetch(
        f"""SELECT {SCHEDULE_COLUMNS} FROM {SCHEDULE_SOURCE}
            WHERE s.merchant_id = $1 AND s.schedule_id = ANY ($2::text[])
            ORDER BY s.schedule_id""",
        merchant_id,
        list(schedule_ids),
    )
    return [to_schedule(row) for row in rows]


async def newest_of_order(
    database: Database, merchant_id: int, merchant_uid: str, *, include_sandbox: bool
) -> Schedule | None:
    """The newest schedule of an order."""
    row = await database.fetchrow(
        f"""SELECT {SCHEDULE_COLUMNS} FROM {SCHEDULE_SOURCE}
            WHERE s.merchant_id = $1 AND s.merchant_uid = $2 AND ($3 OR NOT c.is_sandbox)
            ORDER BY s.created_at DESC, s.schedule_id DESC LIMIT 1""",
        merchant_id,
        merchant_uid,
        include_sandbox,
    )
    return None if row is None else to_schedule(row)


async def newest_of_order_for_update(
    connection: Connection, merchant_id: int, merchant_uid: str, *, include_sandbox: bool
) -> Schedule | None:
    """The newest schedule of an order, locked until the transaction ends."""
    row = await connection.fetchrow(
        f"""SELECT {SCHEDULE_COLUMNS} FROM {SCHEDULE_SOURCE}
            WHERE s.merchant_id = $1 AND s.merchant_uid = $2 AND ($3 OR NOT c.is_sandbox)
            ORDER BY s.created_at DESC, s.schedule_id DESC LIMIT 1 FOR UPDATE OF s""",
        merchant_id,
        merchant_uid,
        include_sandbox,
    )
    return None if row is None else to_schedule(row)


async def between(
    database: Database,
    merchant_id: int,
    *,
    since: datetime,
    until: datetime,
    statuses: frozenset[ScheduleStatus],
    customer_uid: str | None,
    include_sandbox: bool,
    oldest_first: bool,
    limit: int,
    offset: int,
) -> tuple[list[Schedule], int]:
    """One page of the schedules with `since <= schedule_at < until`, and the number of all."""
    where = """s.merchant_id = $1 AND s.schedule_at >= $2 AND s.schedule_at < $3
               AND s.status = ANY ($4::text[])
               AND ($5::text IS NULL OR s.customer_uid = $5)
               AND ($6 OR s.channel_id = ANY (ARRAY(
                   SELECT live.channel_id FROM channels live
                   WHERE live.merchant_id = $1 AND NOT live.is_sandbox)))"""
    values = (merchant_id, since, until, sorted(statuses), customer_uid, include_sandbox)
    total = await database.fetchrow(
        f"SELECT count(*) AS count FROM schedules s WHERE {where} AND s.merchant_id = $1", *values
    )
    assert total is not None, "an aggregate always has a row"
    direction = "ASC" if oldest_first else "DESC"
    rows = await database.fetch(
        f"""SELECT {SCHEDULE_COLUMNS} FROM {SCHEDULE_SOURCE} WHERE {where} AND s.merchant_id = $1
            ORDER BY s.schedule_at {direction}, s.schedule_id {direction} LIMIT $7 OFFSET $8""",
        *values,
        limit,
        offset,
    )
    return [to_schedule(row) for row in rows], int(total["count"])


async def requeue(
    connection: Connection,
    merchant_id: int,
    schedule_id: str,
    *,
    schedule_at: datetime,
    due_at: datetime,
    is_retry: bool,
    now: datetime,
) -> bool:
    """Schedule it for another time; a retry keeps the result of the earlier run.

    False if the order has got another schedule meanwhile.
    """
    try:
        async with connection.transaction():
            await connection.execute(
                """UPDATE schedules
                   SET status = 'scheduled', schedule_at = $3, due_at = $4, leased_until = NULL,
                       revoked_at = NULL, started_at = NULL, awaits_retry = false, updated_at = $6,
                       retries = CASE WHEN $5 THEN retries + 1 ELSE 0 END, version = version + 1,
                       executed_at = CASE WHEN $5 THEN executed_at END,
                       imp_uid = CASE WHEN $5 THEN imp_uid END
                   WHERE merchant_id = $1 AND schedule_id = $2""",
                merchant_id,
                schedule_id,
                schedule_at,
                due_at,
                is_retry,
                now,
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def revoke(
    connection: Connection,
    merchant_id: int,
    *,
    customer_uid: str | None,
    merchant_uids: Sequence[str] | None,
    include_sandbox: bool,
    revoked_at: datetime,
    now: datetime,
) -> list[str]:
    """Revoke the selected schedules that wait and return their ids; running ones stay."""
    rows = await connection.fetch(
        """UPDATE schedules
           SET status = 'revoked', revoked_at = $4, updated_at = $5, version = version + 1
           WHERE merchant_id = $1 AND status = 'scheduled'
             AND ($2::text IS NULL OR customer_uid = $2)
             AND ($3::text[] IS NULL OR merchant_uid = ANY ($3))
             AND ($6 OR channel_id IN (SELECT channel_id FROM channels
                                       WHERE merchant_id = $1 AND NOT is_sandbox))
           RETURNING schedule_id""",
        merchant_id,
        customer_uid,
        None if merchant_uids is None else list(merchant_uids),
        revoked_at,
        now,
        include_sandbox,
    )
    return [row["schedule_id"] for row in rows]


async def revoke_test_schedules(
    connection: Connection, merchant_id: int, *, now: datetime
) -> list[str]:
    """Revoke every test schedule that waits, runs or awaits a retry, and return their ids.

    A run under way ends as usual; its payment is a test payment.
    """
    rows = await connection.fetch(
        """UPDATE schedules
           SET status = 'revoked', revoked_at = $2, leased_until = NULL, awaits_retry = false,
               updated_at = $2, version = version + 1
           WHERE merchant_id = $1 AND (status IN ('scheduled', 'running') OR awaits_retry)
             AND channel_id IN (SELECT channel_id FROM channels
                                WHERE merchant_id = $1 AND is_sandbox)
           RETURNING schedule_id""",
        merchant_id,
        now,
    )
    return [row["schedule_id"] for row in rows]


async def running_order(
    connection: Connection,
    merchant_id: int,
    *,
    customer_uid: str | None,
    merchant_uids: Sequence[str] | None,
) -> str | None:
    """An order among the selected ones whose schedule runs now."""
    merchant_uid: str | None = await connection.fetchval(
        """SELECT merchant_uid FROM schedules
           WHERE merchant_id = $1 AND status = 'running'
             AND ($2::text IS NULL OR customer_uid = $2)
             AND ($3::text[] IS NULL OR merchant_uid = ANY ($3)) LIMIT 1""",
        merchant_id,
        customer_uid,
        None if merchant_uids is None else list(merchant_uids),
    )
    return merchant_uid


async def insert_pause_any_merchant(
    database: Database, merchant_id: int, *, reason: str, now: datetime
) -> None:
    """Insert a pause; a second one keeps the first one's time and takes the new reason."""
    await database.fetch(
        """INSERT INTO schedule_pauses (merchant_id, paused_at, reason) VALUES ($1, $2, $3)
           ON CONFLICT (merchant_id) DO UPDATE SET reason = $3""",
        merchant_id,
        now,
        reason,
    )


async def delete_pause_any_merchant(database: Database, merchant_id: int) -> bool:
    """Delete a pause; False if there was none."""
    row = await database.fetchrow(
        "DELETE FROM schedule_pauses WHERE merchant_id = $1 RETURNING merchant_id", merchant_id
    )
    return row is not None


async def pauses_any_merchant(database: Database) -> dict[int, tuple[datetime, str]]:
    """All pauses by merchant id, with start and reason."""
    rows = await database.fetch("SELECT merchant_id, paused_at, reason FROM schedule_pauses")
    return {row["merchant_id"]: (row["paused_at"], row["reason"]) for row in rows}


def to_schedule(row: Row) -> Schedule:
    values = dict(row)
    payment_status = values.pop("payment_status")
    return Schedule(
        status=ScheduleStatus(values.pop("status")),
        payment_status=None if payment_status is None else Status(payment_status),
        buyer=payment_store.pop_buyer(values),
        notice_urls=tuple(values.pop("notice_urls")),
        **values,
    )

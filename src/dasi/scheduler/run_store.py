"""SQL that runs schedules: claim due ones in order, lease them, finish them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from dasi.foundation.db import Connection, Database
from dasi.ledger import ChargeDetails, payment_store
from dasi.schedules import Schedule

NOT_SENT, NOT_FOUND = "NOT_SENT", "NOT_FOUND_AT_PG"
"""The `fail_code` of a payment that was not sent, and of one that never reached the PG."""

# The columns of a claimed schedule: of `s`, the row, and `m`, its merchant.
_CLAIMED_COLUMNS = """
    s.merchant_id, s.schedule_id, s.merchant_uid, s.customer_uid, s.amount_krw, s.tax_free_krw,
    s.name, s.buyer_name, s.buyer_email, s.buyer_tel, s.buyer_addr, s.buyer_postcode, s.custom_data,
    s.notice_urls, s.card_quota, s.schedule_at, s.due_at, s.runs, s.retries, s.started_at,
    s.leased_until, m.clock_offset_s, cardinality(m.retry_days) > 0 AS has_retry_policy,
    (SELECT k.channel_id FROM billing_keys k
     WHERE k.merchant_id = s.merchant_id AND k.customer_uid = s.customer_uid
       AND k.status = 'active') AS channel_id,
    s.channel_id AS scheduled_channel_id,
    (SELECT c.is_sandbox FROM channels c
     WHERE c.merchant_id = s.merchant_id AND c.channel_id = s.channel_id) AS is_sandbox"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSchedule:
    """A schedule that a worker has claimed, with everything that its charge needs."""

    merchant_id: int
    schedule_id: str
    customer_uid: str
    details: ChargeDetails
    schedule_at: datetime
    due_at: datetime
    runs: int
    """With this one."""
    retries: int
    clock_offset: timedelta
    """How far the merchant's clock is ahead of the machine's."""
    has_retry_policy: bool
    channel_id: int | None
    """Of the customer's active key; None without one."""
    scheduled_channel_id: int
    """Of the customer's key when the payment was scheduled."""
    is_sandbox: bool
    """The mode of that channel. A key of the other mode is not charged."""
    started_at: datetime
    """When the first worker claimed it."""
    leased_until: datetime
    is_second_run: bool
    """An earlier worker claimed it and did not finish."""


async def claim_due_any_merchant(
    database: Database,
    *,
    now: datetime,
    leased_until: datetime,
    batch: int,
    excluded: Sequence[int],
    only_merchant_id: int | None,
) -> list[DueSchedule]:
    """Claim up to `batch` due schedules, oldest first, and lease them until `leased_until`.

    Schedules of paused and of `excluded` merchants stay. A schedule with an expired lease is
    claimed again: a second run is harmless, because the order is taken (M1).
    """
    async with database.transaction() as connection:
        # The index gives the first few in order, however many are due. The planner cannot know how
        # few rows the conditions remove, and would sort all of them for each claim.
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        rows = await connection.fetch(
            f"""WITH due AS MATERIALIZED (
               SELECT d.merchant_id, d.schedule_id, d.status FROM schedules d
               WHERE d.status IN ('scheduled', 'running') AND d.due_at <= $1
                 AND (d.leased_until IS NULL OR d.leased_until <= $1)
                 AND coalesce(d.merchant_id <> ALL ($4::bigint[]), true)
                 AND coalesce(d.merchant_id = $5::bigint, true)
                 AND NOT EXISTS (SELECT 1 FROM schedule_pauses pause
                                 WHERE pause.merchant_id IN (0, d.merchant_id) OFFSET 0)
               ORDER BY d.due_at, d.schedule_id LIMIT $3 FOR UPDATE OF d SKIP LOCKED
           )
           UPDATE schedules s
           SET status = 'running', leased_until = $2, started_at = coalesce(s.started_at, $1),
               runs = s.runs + 1
           FROM due, merchants m
           WHERE s.merchant_id = due.merchant_id AND s.schedule_id = due.schedule_id
             AND m.merchant_id = s.merchant_id
           RETURNING {_CLAIMED_COLUMNS}, due.status = 'running' AS is_second_run""",
            now,
            leased_until,
            batch,
            list(excluded),
            only_merchant_id,
        )
    claimed = [_due(dict(row)) for row in rows]
    return sorted(claimed, key=lambda due: (due.due_at, due.schedule_id))


def _due(values: dict[str, Any]) -> DueSchedule:
    return DueSchedule(
        details=ChargeDetails(
            merchant_uid=values.pop("merchant_uid"),
            amount_krw=values.pop("amount_krw"),
            name=values.pop("name"),
            buyer=payment_store.pop_buyer(values),
            tax_free_krw=values.pop("tax_free_krw"),
            quota_months=values.pop("card_quota"),
            custom_data=values.pop("custom_data"),
            notice_urls=tuple(values.pop("notice_urls")),
        ),
        clock_offset=timedelta(seconds=values.pop("clock_offset_s")),
        **values,
    )


async def release(database: Database, due: DueSchedule) -> None:
    """Give a claimed schedule back without a charge: it is due as before.

    One that an earlier run had claimed stays `running`. The charge of that run may be declined,
    which frees the order, and the next worker must know that the schedule was charged.
    """
    await database.fetch(
        """UPDATE schedules
           SET leased_until = NULL, status = CASE WHEN $3 THEN status ELSE 'scheduled' END,
               started_at = CASE WHEN $3 THEN started_at END
           WHERE merchant_id = $1 AND schedule_id = $2 AND status = 'running'""",
        due.merchant_id,
        due.schedule_id,
        due.is_second_run,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A finished run; its outcome is the payment's."""

    merchant_id: int
    schedule_id: str
    imp_uid: str
    executed_at: datetime
    awaits_retry: bool
    now: datetime


async def finish(database: Database, runs: Sequence[RunResult]) -> list[None]:
    """Finish runs that end at the same time, in one statement (`Database.run_batched`)."""
    # `BETWEEN` as in `dasi.ledger.reserve_store`: few rows, an index each.
    await database.fetch(
        """WITH input AS MATERIALIZED (
               SELECT * FROM json_to_recordset($1::json) AS runs (
                   merchant_id bigint, schedule_id text, imp_uid text, executed_at timestamptz,
                   awaits_retry boolean, now timestamptz)
               WHERE merchant_id BETWEEN 1 AND 9223372036854775807
           )
           UPDATE schedules s
           SET status = 'executed', imp_uid = input.imp_uid, executed_at = input.executed_at,
               leased_until = NULL, awaits_retry = input.awaits_retry, updated_at = input.now,
               version = s.version + 1
           FROM input
           WHERE s.merchant_id = input.merchant_id AND s.schedule_id = input.schedule_id
             AND s.status = 'running'""",
        msgspec.json.encode(runs).decode(),
    )
    return [None] * len(runs)


async def wait_until_resolved(
    database: Database, merchant_id: int, schedule_id: str, *, imp_uid: str, until: datetime
) -> None:
    """Release a schedule whose charge is unresolved until it is read again."""
    await database.fetch(
        """UPDATE schedules SET imp_uid = $3, leased_until = $4
           WHERE merchant_id = $1 AND schedule_id = $2 AND status = 'running'""",
        merchant_id,
        schedule_id,
        imp_uid,
        until,
    )


async def payment_of_run(
    database: Database, merchant_id: int, merchant_uid: str, *, since: datetime
) -> str | None:
    """The newest payment that a run since then made for this order and that reached the PG."""
    row = await database.fetchrow(
        """SELECT imp_uid FROM payments
           WHERE merchant_id = $1 AND merchant_uid = $2 AND is_scheduled AND started_at >= $3
             AND coalesce(fail_code, '') NOT IN ('NOT_SENT', 'NOT_FOUND_AT_PG', 'KEY_REPLACED')
           ORDER BY started_at DESC, imp_uid DESC LIMIT 1""",
        merchant_id,
        merchant_uid,
        since,
    )
    return None if row is None else str(row["imp_uid"])


async def revoke_unchargeable(
    connection: Connection,
    merchant_id: int,
    schedule_id: str,
    *,
    revoked_at: datetime,
    now: datetime,
) -> int | None:
    """Revoke a running schedule that has no key to charge and return its new version."""
    version: int | None = await connection.fetchval(
        """UPDATE schedules
           SET status = 'revoked', revoked_at = $3, leased_until = NULL, updated_at = $4,
               version = version + 1
           WHERE merchant_id = $1 AND schedule_id = $2 AND status = 'running'
           RETURNING version""",
        merchant_id,
        schedule_id,
        revoked_at,
        now,
    )
    return version


async def claim_for_retry(
    connection: Connection,
    merchant_id: int,
    schedule_id: str,
    *,
    leased_until: datetime,
    now: datetime,
) -> DueSchedule | None:
    """Claim a declined or revoked schedule, now; the caller has locked its row.

    None if its order has got another schedule since.
    """
    try:
        async with connection.transaction():
            row = await connection.fetchrow(
                f"""UPDATE schedules s
                    SET status = 'running', leased_until = $3, due_at = $4, started_at = $4,
                        revoked_at = NULL, runs = s.runs + 1, updated_at = $4
                    FROM merchants m
                    WHERE s.merchant_id = $1 AND s.schedule_id = $2
                      AND m.merchant_id = s.merchant_id
                    RETURNING {_CLAIMED_COLUMNS}, false AS is_second_run""",
                merchant_id,
                schedule_id,
                leased_until,
                now,
            )
    except asyncpg.UniqueViolationError:
        return None
    assert row is not None, f"schedule {schedule_id} is gone"
    return _due(dict(row))


async def release_retry(database: Database, merchant_id: int, before: Schedule) -> None:
    """Restore a schedule after a retry that was not sent."""
    await database.fetch(
        """UPDATE schedules
           SET status = $3, leased_until = NULL, due_at = $4, revoked_at = $5, started_at = NULL
           WHERE merchant_id = $1 AND schedule_id = $2 AND status = 'running'""",
        merchant_id,
        before.schedule_id,
        before.status.value,
        before.due_at,
        before.revoked_at,
    )


async def next_due(
    database: Database, merchant_id: int, *, now: datetime, until: datetime
) -> datetime | None:
    """The earliest moment in (now, until] at which work of a merchant is due, by machine time.

    Work is a charge, a lookup, or a webhook whose endpoint accepts deliveries.
    """
    row = await database.fetchrow(
        """SELECT min(at) AS at FROM (
               SELECT min(due_at) AS at FROM schedules
               WHERE merchant_id = $1 AND status = 'scheduled' AND due_at > $2
               UNION ALL
               SELECT min(leased_until) FROM schedules
               WHERE merchant_id = $1 AND status = 'running' AND imp_uid IS NOT NULL
                 AND leased_until > $2
               UNION ALL
               SELECT min(next_lookup_at) FROM pg_attempts
               WHERE merchant_id = $1 AND next_lookup_at > $2
               UNION ALL
               SELECT min(greatest(d.next_attempt_at, r.backoff_until)) FROM deliveries d
               LEFT JOIN webhook_endpoints r
                   ON r.merchant_id = d.merchant_id AND r.url = d.url
               WHERE d.merchant_id = $1 AND d.state = 'pending'
                 AND r.disabled_at IS NULL AND r.paused_at IS NULL
                 AND greatest(d.next_attempt_at, r.backoff_until) > $2
           ) AS due WHERE at <= $3""",
        merchant_id,
        now,
        until,
    )
    assert row is not None
    moment: datetime | None = row["at"]
    return moment


async def count_due(database: Database, merchant_id: int, *, now: datetime) -> int:
    """Count the schedules that are due or running now."""
    row = await database.fetchrow(
        """SELECT count(*) AS count FROM schedules
           WHERE merchant_id = $1 AND status IN ('scheduled', 'running') AND due_at <= $2""",
        merchant_id,
        now,
    )
    assert row is not None
    return int(row["count"])

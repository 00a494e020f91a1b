"""SQL of running what is due: claimed in order, leased, and finished."""

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
"""The `fail_code` of a payment that never left this machine, and of one that never arrived."""

# What a worker takes in hand: of `s`, the row, and `m`, its merchant.
_CLAIMED_COLUMNS = """
    s.merchant_id, s.schedule_id, s.merchant_uid, s.customer_uid, s.amount_krw, s.tax_free_krw,
    s.name, s.buyer_name, s.buyer_email, s.buyer_tel, s.buyer_addr, s.buyer_postcode, s.custom_data,
    s.notice_urls, s.card_quota, s.schedule_at, s.due_at, s.runs, s.retries, s.started_at,
    s.leased_until, m.clock_offset_s, cardinality(m.retry_days) > 0 AS has_retry_policy,
    (SELECT k.channel_id FROM billing_keys k
     WHERE k.merchant_id = s.merchant_id AND k.customer_uid = s.customer_uid
       AND k.status = 'active') AS channel_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSchedule:
    """A schedule in a worker's hand, with all its charge needs."""

    merchant_id: int
    schedule_id: str
    customer_uid: str
    details: ChargeDetails
    schedule_at: datetime
    due_at: datetime
    runs: int
    """This one counted."""
    retries: int
    clock_offset: timedelta
    """How far the merchant's clock is ahead."""
    has_retry_policy: bool
    channel_id: int | None
    """Of the customer's active key; None if there is none any more."""
    started_at: datetime
    """When the first worker took it in hand."""
    leased_until: datetime
    is_second_run: bool
    """An earlier worker had it and did not come back."""


async def claim_due_any_merchant(
    database: Database,
    *,
    now: datetime,
    leased_until: datetime,
    batch: int,
    excluded: Sequence[int],
    only_merchant_id: int | None,
) -> list[DueSchedule]:
    """Takes up to `batch` due schedules, oldest first, until `leased_until`.

    Those of paused merchants and of `excluded` ones stay where they are. A lease
    that ran out passes on: a second run is harmless, because the order is taken (M1).
    """
    async with database.transaction() as connection:
        # However many are due, the first few are read from the index in its order. The planner
        # cannot know how few the conditions take away, and would sort all of them for each claim.
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        rows = await connection.fetch(
            f"""UPDATE schedules s
           SET status = 'running', leased_until = $2, started_at = coalesce(s.started_at, $1),
               runs = s.runs + 1
           FROM (
               SELECT d.merchant_id, d.schedule_id, d.status FROM schedules d
               WHERE d.status IN ('scheduled', 'running') AND d.due_at <= $1
                 AND (d.leased_until IS NULL OR d.leased_until <= $1)
                 AND coalesce(d.merchant_id <> ALL ($4::bigint[]), true)
                 AND coalesce(d.merchant_id = $5::bigint, true)
                 AND NOT EXISTS (SELECT 1 FROM schedule_pauses pause
                                 WHERE pause.merchant_id IN (0, d.merchant_id) OFFSET 0)
               ORDER BY d.due_at, d.schedule_id LIMIT $3 FOR UPDATE OF d SKIP LOCKED
           ) AS due, merchants m
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
    return sorted(claimed, key=lambda one: (one.due_at, one.schedule_id))


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
    """Gives a claimed schedule back untried: it is due as before.

    One that an earlier run had in hand stays begun: what that run charged may end as a no, which
    frees the order, and whoever takes the schedule next has to know that it was charged.
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
    """A run that came to an end. What came of it is the payment's story."""

    merchant_id: int
    schedule_id: str
    imp_uid: str
    executed_at: datetime
    awaits_retry: bool
    now: datetime


async def finish(database: Database, runs: Sequence[RunResult]) -> list[None]:
    """For all whose charges ended at the same time, in one statement (`Database.run_batched`)."""
    # `BETWEEN` as in the payments' `reserve_store`: few rows, an index each.
    await database.fetch(
        """WITH input AS MATERIALIZED (
               SELECT * FROM json_to_recordset($1::json) AS one (
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
    """Its charge is in doubt: it stays in nobody's hand until it is looked at again."""
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
    """The newest payment a run since then made for this order, unless nothing came of it."""
    row = await database.fetchrow(
        """SELECT imp_uid FROM payments
           WHERE merchant_id = $1 AND merchant_uid = $2 AND is_scheduled AND started_at >= $3
             AND coalesce(fail_code, '') NOT IN ('NOT_SENT', 'NOT_FOUND_AT_PG')
           ORDER BY started_at DESC, imp_uid DESC LIMIT 1""",
        merchant_id,
        merchant_uid,
        since,
    )
    return None if row is None else str(row["imp_uid"])


async def revoke_keyless(
    connection: Connection,
    merchant_id: int,
    schedule_id: str,
    *,
    revoked_at: datetime,
    now: datetime,
) -> int | None:
    """Nothing was charged, because the key is gone. The new version."""
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
    """A declined or revoked schedule is in hand again, now; its row is locked by the caller. None
    if its order was scheduled under another schedule since."""
    try:
        async with connection.transaction():
            row = await connection.fetchrow(
                f"""UPDATE schedules s
                    SET status = 'running', leased_until = $3, due_at = $4, started_at = $4,
                        runs = s.runs + 1, awaits_retry = false, updated_at = $4
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


async def release_retry(database: Database, merchant_id: int, was: Schedule) -> None:
    """Back to what it was before it was taken for a retry that never was sent."""
    await database.fetch(
        """UPDATE schedules
           SET status = $3, leased_until = NULL, due_at = $4, started_at = NULL
           WHERE merchant_id = $1 AND schedule_id = $2 AND status = 'running'""",
        merchant_id,
        was.schedule_id,
        was.status.value,
        was.due_at,
    )


async def next_due(
    database: Database, merchant_id: int, *, now: datetime, until: datetime
) -> datetime | None:
    """The earliest moment in (now, until] at which anything of a merchant is due, on the machine's
    clock: a charge, a look at a doubt, or a webhook that is not held up by its endpoint."""
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
                   ON r.merchant_id = d.merchant_id AND r.endpoint = d.endpoint
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
    """Charges that are due or in hand now."""
    row = await database.fetchrow(
        """SELECT count(*) AS count FROM schedules
           WHERE merchant_id = $1 AND status IN ('scheduled', 'running') AND due_at <= $2""",
        merchant_id,
        now,
    )
    assert row is not None
    return int(row["count"])

"""SQL of receivers that fail: counted, paused, gone, resumed."""

from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Database


@dataclass(frozen=True, slots=True)
class FailingReceiver:
    receiver: str
    failures: int
    failing_since: datetime
    paused_until: datetime | None
    gone_at: datetime | None
    held_at: datetime | None
    """Since when a person holds deliveries back."""


_RECEIVER = "coalesce(lower(substring($2 FROM '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)')), lower($2))"
"""Of a URL or of the receiver itself, as the column of `deliveries` is made."""


async def forget_failures(database: Database, merchant_id: int, receiver: str) -> bool:
    """The receiver answers. True if it was counted as failing; gone it stays until resumed."""
    row = await database.fetchrow(
        """DELETE FROM webhook_receivers
           WHERE merchant_id = $1 AND receiver = $2 AND held_at IS NULL AND gone_at IS NULL
           RETURNING receiver""",
        merchant_id,
        receiver,
    )
    return row is not None


async def resume(database: Database, merchant_id: int, receiver: str) -> bool:
    """A person says that it may be told again. False if nothing kept it from that."""
    row = await database.fetchrow(
        f"""DELETE FROM webhook_receivers WHERE merchant_id = $1 AND receiver = {_RECEIVER}
            RETURNING receiver""",
        merchant_id,
        receiver,
    )
    return row is not None


async def hold(database: Database, merchant_id: int, receiver: str, *, now: datetime) -> str:
    """A person holds deliveries back from now on. The receiver, as it is called here."""
    row = await database.fetchrow(
        f"""INSERT INTO webhook_receivers
                (merchant_id, receiver, failures, failing_since, held_at)
            VALUES ($1, {_RECEIVER}, 0, $3, $3)
            ON CONFLICT (merchant_id, receiver) DO UPDATE
            SET held_at = coalesce(webhook_receivers.held_at, $3)
            RETURNING receiver""",
        merchant_id,
        receiver,
        now,
    )
    assert row is not None
    return str(row["receiver"])


async def count_failure(
    database: Database,
    merchant_id: int,
    receiver: str,
    *,
    patience_failures: int,
    patience_s: int,
    now: datetime,
) -> datetime | None:
    """Counts; after many failures in a row over some time the receiver is paused, for a minute more
    each time up to half an hour. Until when, or None."""
    row = await database.fetchrow(
        """INSERT INTO webhook_receivers (merchant_id, receiver, failures, failing_since)
           VALUES ($1, $2, 1, $5)
           ON CONFLICT (merchant_id, receiver) DO UPDATE
           SET failures = webhook_receivers.failures + 1,
               paused_until = CASE
                   WHEN webhook_receivers.failures + 1 >= $3
                        AND webhook_receivers.failing_since <= $5 - make_interval(secs => $4)
                   THEN $5 + make_interval(mins => least(30, webhook_receivers.failures + 2 - $3))
               END
           RETURNING paused_until""",
        merchant_id,
        receiver,
        patience_failures,
        patience_s,
        now,
    )
    assert row is not None
    paused_until: datetime | None = row["paused_until"]
    return paused_until


async def mark_gone(database: Database, merchant_id: int, receiver: str, *, now: datetime) -> None:
    """It answered 410: what waits for it is parked, and so is what comes, until it is resumed."""
    await database.fetch(
        """WITH gone AS (
               INSERT INTO webhook_receivers
                   (merchant_id, receiver, failures, failing_since, gone_at)
               VALUES ($1, $2, 1, $3, $3)
               ON CONFLICT (merchant_id, receiver) DO UPDATE SET gone_at = $3
           )
           UPDATE deliveries
           SET state = 'parked', done_at = $3, last_answer = 'the receiver answered 410 Gone'
           WHERE merchant_id = $1 AND receiver = $2 AND state = 'due'
             AND (leased_until IS NULL OR leased_until <= $3)""",
        merchant_id,
        receiver,
        now,
    )


async def park_for_gone_any_merchant(database: Database, *, now: datetime) -> int:
    """Parks what was announced since for receivers that are gone; how many."""
    rows = await database.fetch(
        """UPDATE deliveries d
           SET state = 'parked', done_at = $1, last_answer = 'the receiver answered 410 Gone'
           FROM webhook_receivers r
           WHERE r.gone_at IS NOT NULL AND d.merchant_id = r.merchant_id
             AND d.receiver = r.receiver AND d.state = 'due'
             AND (d.leased_until IS NULL OR d.leased_until <= $1)
           RETURNING d.delivery_id""",
        now,
    )
    return len(rows)


async def failing_receivers(database: Database, merchant_id: int) -> list[FailingReceiver]:
    rows = await database.fetch(
        """SELECT receiver, failures, failing_since, paused_until, gone_at, held_at
           FROM webhook_receivers WHERE merchant_id = $1 ORDER BY failing_since""",
        merchant_id,
    )
    return [FailingReceiver(**row) for row in rows]

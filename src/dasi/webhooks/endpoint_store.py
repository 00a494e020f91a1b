"""SQL of endpoints that fail: failures counted, paused, disabled, resumed."""

from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Database


@dataclass(frozen=True, slots=True)
class FailingEndpoint:
    endpoint: str
    failures: int
    failing_since: datetime
    backoff_until: datetime | None
    disabled_at: datetime | None
    paused_at: datetime | None
    """Since when deliveries are paused by a user."""


_ENDPOINT = "coalesce(lower(substring($2 FROM '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)')), lower($2))"
"""Of a URL or of the endpoint itself, as the column of `deliveries` is made."""


async def forget_failures(database: Database, merchant_id: int, endpoint: str) -> bool:
    """The endpoint answers. True if it was counted as failing; a disabled one stays disabled."""
    row = await database.fetchrow(
        """DELETE FROM webhook_endpoints
           WHERE merchant_id = $1 AND endpoint = $2 AND paused_at IS NULL AND disabled_at IS NULL
           RETURNING endpoint""",
        merchant_id,
        endpoint,
    )
    return row is not None


async def resume(database: Database, merchant_id: int, endpoint: str) -> bool:
    """A user resumes it. False if nothing kept it from that."""
    row = await database.fetchrow(
        f"""DELETE FROM webhook_endpoints WHERE merchant_id = $1 AND endpoint = {_ENDPOINT}
            RETURNING endpoint""",
        merchant_id,
        endpoint,
    )
    return row is not None


async def pause(database: Database, merchant_id: int, endpoint: str, *, now: datetime) -> str:
    """A user pauses deliveries from now on. The endpoint, as it is called here."""
    row = await database.fetchrow(
        f"""INSERT INTO webhook_endpoints
                (merchant_id, endpoint, failures, failing_since, paused_at)
            VALUES ($1, {_ENDPOINT}, 0, $3, $3)
            ON CONFLICT (merchant_id, endpoint) DO UPDATE
            SET paused_at = coalesce(webhook_endpoints.paused_at, $3)
            RETURNING endpoint""",
        merchant_id,
        endpoint,
        now,
    )
    assert row is not None
    return str(row["endpoint"])


async def count_failure(
    database: Database,
    merchant_id: int,
    endpoint: str,
    *,
    failure_threshold: int,
    failure_window_s: int,
    now: datetime,
) -> datetime | None:
    """Counts; after many failures in a row over some time the endpoint is paused, for a minute more
    each time up to half an hour. Until when, or None."""
    row = await database.fetchrow(
        """INSERT INTO webhook_endpoints (merchant_id, endpoint, failures, failing_since)
           VALUES ($1, $2, 1, $5)
           ON CONFLICT (merchant_id, endpoint) DO UPDATE
           SET failures = webhook_endpoints.failures + 1,
               backoff_until = CASE
                   WHEN webhook_endpoints.failures + 1 >= $3
                        AND webhook_endpoints.failing_since <= $5 - make_interval(secs => $4)
                   THEN $5 + make_interval(mins => least(30, webhook_endpoints.failures + 2 - $3))
               END
           RETURNING backoff_until""",
        merchant_id,
        endpoint,
        failure_threshold,
        failure_window_s,
        now,
    )
    assert row is not None
    backoff_until: datetime | None = row["backoff_until"]
    return backoff_until


async def disable(database: Database, merchant_id: int, endpoint: str, *, now: datetime) -> None:
    """It answered 410: what waits for it fails, and so does what comes, until it is resumed."""
    await database.fetch(
        """WITH disabled AS (
               INSERT INTO webhook_endpoints
                   (merchant_id, endpoint, failures, failing_since, disabled_at)
               VALUES ($1, $2, 1, $3, $3)
               ON CONFLICT (merchant_id, endpoint) DO UPDATE SET disabled_at = $3
           )
           UPDATE deliveries
           SET state = 'failed', done_at = $3, last_answer = 'the endpoint answered 410 Gone'
           WHERE merchant_id = $1 AND endpoint = $2 AND state = 'pending'
             AND (leased_until IS NULL OR leased_until <= $3)""",
        merchant_id,
        endpoint,
        now,
    )


async def fail_for_disabled_any_merchant(database: Database, *, now: datetime) -> int:
    """Fails what was enqueued since for disabled endpoints; how many."""
    rows = await database.fetch(
        """UPDATE deliveries d
           SET state = 'failed', done_at = $1, last_answer = 'the endpoint answered 410 Gone'
           FROM webhook_endpoints r
           WHERE r.disabled_at IS NOT NULL AND d.merchant_id = r.merchant_id
             AND d.endpoint = r.endpoint AND d.state = 'pending'
             AND (d.leased_until IS NULL OR d.leased_until <= $1)
           RETURNING d.delivery_id""",
        now,
    )
    return len(rows)


async def failing_endpoints(database: Database, merchant_id: int) -> list[FailingEndpoint]:
    rows = await database.fetch(
        """SELECT endpoint, failures, failing_since, backoff_until, disabled_at, paused_at
           FROM webhook_endpoints WHERE merchant_id = $1 ORDER BY failing_since""",
        merchant_id,
    )
    return [FailingEndpoint(**row) for row in rows]

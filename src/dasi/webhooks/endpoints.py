"""Webhook endpoints: the servers that receive webhooks, by host and port.

A failing endpoint backs off by itself; a user may pause and resume deliveries.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.foundation.db import Database
from dasi.foundation.errors import Invalid, NotFound

_NAME = re.compile(r"[!-~]{1,2000}")
_ENDPOINT = "coalesce(lower(substring($2 FROM '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)')), lower($2))"
"""The endpoint of a URL, or of an endpoint itself: as the column of `deliveries` is made."""


@dataclass(frozen=True, slots=True)
class FailingEndpoint:
    endpoint: str
    failures: int
    failing_since: datetime
    backoff_until: datetime | None
    disabled_at: datetime | None
    paused_at: datetime | None
    """Since when deliveries are paused by a user."""


async def failing_endpoints(engine: Engine, merchant_id: int) -> list[FailingEndpoint]:
    """Return the endpoints that fail, are paused or are disabled now, the oldest failure first."""
    rows = await engine.database.fetch(
        """SELECT endpoint, failures, failing_since, backoff_until, disabled_at, paused_at
           FROM webhook_endpoints WHERE merchant_id = $1 ORDER BY failing_since""",
        merchant_id,
    )
    return [FailingEndpoint(**row) for row in rows]


async def pause_endpoint(engine: Engine, merchant_id: int, endpoint: str) -> str:
    """Pause deliveries to an endpoint (host and port, or a URL there) and return its name.

    Due deliveries wait until it is resumed and spend no attempt; a POST in flight ends.
    Raises `Invalid`.
    """
    if not _NAME.fullmatch(endpoint):
        raise Invalid("endpoint", "endpoint_name")
    row = await engine.database.fetchrow(
        f"""INSERT INTO webhook_endpoints
                (merchant_id, endpoint, failures, failing_since, paused_at)
            VALUES ($1, {_ENDPOINT}, 0, $3, $3)
            ON CONFLICT (merchant_id, endpoint) DO UPDATE
            SET paused_at = coalesce(webhook_endpoints.paused_at, $3)
            RETURNING endpoint""",
        merchant_id,
        endpoint,
        engine.clock.now(),
    )
    assert row is not None
    return str(row["endpoint"])


async def resume_endpoint(engine: Engine, merchant_id: int, endpoint: str) -> None:
    """End an endpoint's pause or back-off, or enable it again.

    Waiting deliveries go out now, in order; failed ones stay failed (`replay_events`).
    Raises `NotFound("unknown_endpoint")` for an endpoint that is neither paused nor failing.
    """
    row = await engine.database.fetchrow(
        f"""DELETE FROM webhook_endpoints WHERE merchant_id = $1 AND endpoint = {_ENDPOINT}
            RETURNING endpoint""",
        merchant_id,
        endpoint,
    )
    if row is None:
        raise NotFound("unknown_endpoint", endpoint=endpoint[:200])


async def forget_failures(database: Database, merchant_id: int, endpoint: str) -> bool:
    """Forget the failures of an endpoint that answers; return whether there were any.

    A paused or disabled endpoint stays so.
    """
    row = await database.fetchrow(
        """DELETE FROM webhook_endpoints
           WHERE merchant_id = $1 AND endpoint = $2 AND paused_at IS NULL AND disabled_at IS NULL
           RETURNING endpoint""",
        merchant_id,
        endpoint,
    )
    return row is not None


async def count_failure(
    database: Database,
    merchant_id: int,
    endpoint: str,
    *,
    failure_threshold: int,
    failure_window_s: int,
    now: datetime,
) -> datetime | None:
    """Count a failure and return until when the endpoint backs off, or None.

    It backs off after `failure_threshold` failures in a row over `failure_window_s`: for a minute
    more each time, up to half an hour.
    """
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
    """Fail the deliveries of an endpoint that answered 410, now and until it is resumed."""
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


async def fail_for_disabled_any_merchant(engine: Engine) -> int:
    """Fail the deliveries enqueued since for disabled endpoints and return their count.

    For the worker.
    """
    rows = await engine.database.fetch(
        """UPDATE deliveries d
           SET state = 'failed', done_at = $1, last_answer = 'the endpoint answered 410 Gone'
           FROM webhook_endpoints r
           WHERE r.disabled_at IS NOT NULL AND d.merchant_id = r.merchant_id
             AND d.endpoint = r.endpoint AND d.state = 'pending'
             AND (d.leased_until IS NULL OR d.leased_until <= $1)
           RETURNING d.delivery_id""",
        engine.clock.now(),
    )
    return len(rows)

"""Webhook endpoints: the URLs that receive webhooks, each with a state of its own.

A failing endpoint backs off by itself; a user may pause and resume deliveries. The state belongs
to one merchant's URL: a URL that a page sends never changes the state of another one.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.foundation.db import Database
from dasi.foundation.errors import Invalid, NotFound

_URL = re.compile(r"https?://[!-~]{1,1990}")
_LIST_MAX = 200
_OUTAGE_MIN_S = 60
"""An endpoint that fails for less has deliveries that wait for seconds only."""


@dataclass(frozen=True, slots=True)
class FailingEndpoint:
    """A URL that fails, is paused or is disabled, and its waiting deliveries."""

    url: str
    failures: int
    failing_since: datetime
    backoff_until: datetime | None
    disabled_at: datetime | None
    """Since when it answers 410."""
    paused_at: datetime | None
    """Since when deliveries are paused by a user."""
    waiting: int
    """Pending deliveries."""


async def failing_endpoints(engine: Engine, merchant_id: int) -> list[FailingEndpoint]:
    """Return the endpoints that fail, are paused or are disabled now, the oldest failure first."""
    rows = await engine.database.fetch(
        """SELECT r.url, r.failures, r.failing_since, r.backoff_until, r.disabled_at, r.paused_at,
                  (SELECT count(*)::int FROM deliveries d
                   WHERE d.merchant_id = r.merchant_id AND d.url = r.url AND d.state = 'pending')
                  AS waiting
           FROM webhook_endpoints r WHERE r.merchant_id = $1 ORDER BY r.failing_since LIMIT $2""",
        merchant_id,
        _LIST_MAX,
    )
    return [FailingEndpoint(**row) for row in rows]


async def pause_endpoint(engine: Engine, merchant_id: int, url: str) -> None:
    """Pause deliveries to a URL. Raises `Invalid`.

    Due deliveries wait until it is resumed and spend no attempt; a POST in flight ends.
    """
    if not _URL.fullmatch(url):
        raise Invalid("endpoint", "endpoint_url")
    await engine.database.fetch(
        """INSERT INTO webhook_endpoints (merchant_id, url, failures, failing_since, paused_at)
           VALUES ($1, $2, 0, $3, $3)
           ON CONFLICT (merchant_id, url) DO UPDATE
           SET paused_at = coalesce(webhook_endpoints.paused_at, $3)""",
        merchant_id,
        url,
        engine.clock.now(),
    )


async def resume_endpoint(engine: Engine, merchant_id: int, url: str) -> int:
    """End a URL's pause or back-off, or enable it again; return how many deliveries waited.

    They are due now, oldest first, each with a whole retry schedule. Failed ones stay failed
    (`replay_events`). Raises `NotFound("unknown_endpoint")` for a URL that is neither paused nor
    failing.
    """
    row = await engine.database.fetchrow(
        """WITH resumed AS (
               DELETE FROM webhook_endpoints WHERE merchant_id = $1 AND url = $2
               RETURNING merchant_id, url
           ), waiting AS (
               UPDATE deliveries d SET next_attempt_at = d.created_at, cycle_attempts = 0
               FROM resumed r
               WHERE d.merchant_id = r.merchant_id AND d.url = r.url AND d.state = 'pending'
                 AND (d.leased_until IS NULL OR d.leased_until <= $3)
               RETURNING d.delivery_id
           )
           SELECT (SELECT count(*)::int FROM waiting) AS waiting FROM resumed""",
        merchant_id,
        url,
        engine.clock.now(),
    )
    if row is None:
        raise NotFound("unknown_endpoint", endpoint=url[:200])
    return int(row["waiting"])


async def forget_failures(
    database: Database, merchant_id: int, url: str, *, now: datetime
) -> int | None:
    """Forget the failures of an endpoint that answers; None if it had none.

    After an outage what waits is due now, oldest first; return how many. These attempts come
    before their time and do not count, so that a delivery keeps its 72 hours (W1). A paused or
    disabled endpoint stays so.
    """
    row = await database.fetchrow(
        """WITH healthy AS (
               DELETE FROM webhook_endpoints
               WHERE merchant_id = $1 AND url = $2 AND paused_at IS NULL AND disabled_at IS NULL
               RETURNING merchant_id, url, failing_since
           ), waiting AS (
               UPDATE deliveries d
               SET next_attempt_at = d.created_at, cycle_attempts = greatest(cycle_attempts - 1, 0)
               FROM healthy r
               WHERE r.failing_since <= $3::timestamptz - make_interval(secs => $4)
                 AND d.merchant_id = r.merchant_id AND d.url = r.url AND d.state = 'pending'
                 AND d.next_attempt_at > $3
                 AND (d.leased_until IS NULL OR d.leased_until <= $3)
               RETURNING d.delivery_id
           )
           SELECT (SELECT count(*)::int FROM waiting) AS waiting FROM healthy""",
        merchant_id,
        url,
        now,
        _OUTAGE_MIN_S,
    )
    return None if row is None else int(row["waiting"])


async def count_failure(
    database: Database,
    merchant_id: int,
    url: str,
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
        """INSERT INTO webhook_endpoints (merchant_id, url, failures, failing_since)
           VALUES ($1, $2, 1, $5)
           ON CONFLICT (merchant_id, url) DO UPDATE
           SET failures = webhook_endpoints.failures + 1,
               backoff_until = CASE
                   WHEN webhook_endpoints.failures + 1 >= $3
                        AND webhook_endpoints.failing_since <= $5 - make_interval(secs => $4)
                   THEN $5 + make_interval(mins => least(30, webhook_endpoints.failures + 2 - $3))
               END
           RETURNING backoff_until""",
        merchant_id,
        url,
        failure_threshold,
        failure_window_s,
        now,
    )
    assert row is not None
    backoff_until: datetime | None = row["backoff_until"]
    return backoff_until


async def disable(database: Database, merchant_id: int, url: str, *, now: datetime) -> None:
    """Send nothing more to a URL that answered 410, until it is resumed."""
    await database.fetch(
        """INSERT INTO webhook_endpoints (merchant_id, url, failures, failing_since, disabled_at)
           VALUES ($1, $2, 1, $3, $3)
           ON CONFLICT (merchant_id, url) DO UPDATE SET disabled_at = $3""",
        merchant_id,
        url,
        now,
    )


async def suspend_deliveries_any_merchant(engine: Engine) -> int:
    """Take deliveries that wait for a resume out of the due ones; return their count.

    For the worker. The claim leaves them out anyway, but it would read them each time. The lock
    makes a resume wait, so that none is suspended after it.
    """
    rows = await engine.database.fetch(
        """WITH stopped AS MATERIALIZED (
               SELECT merchant_id, url FROM webhook_endpoints
               WHERE disabled_at IS NOT NULL OR paused_at IS NOT NULL FOR SHARE
           )
           UPDATE deliveries d SET next_attempt_at = 'infinity'
           FROM stopped r
           WHERE d.merchant_id = r.merchant_id AND d.url = r.url AND d.state = 'pending'
             AND d.next_attempt_at < 'infinity'
             AND (d.leased_until IS NULL OR d.leased_until <= $1)
           RETURNING d.delivery_id""",
        engine.clock.now(),
    )
    return len(rows)

"""Work that stands still until an operator or a merchant acts, as metrics for alarms."""

from datetime import datetime

from prometheus_client import Gauge

from dasi.engine import Engine
from dasi.foundation.db import Database, Row

_ENDPOINTS = Gauge(
    "dasi_webhook_endpoints_stopped",
    "URLs that get no webhooks now: disabled by an answer 410, paused, or backing off",
    ["state"],
    multiprocess_mode="mostrecent",
)
_PAUSES = Gauge(
    "dasi_schedule_pauses",
    "Pauses of scheduled payments, each of one merchant or of all",
    multiprocess_mode="mostrecent",
)


async def publish_stopped_metrics(engine: Engine) -> None:
    """Set the gauges from the database. Both tables hold only what stands still."""
    row = await _count_any_merchant(engine.database, now=engine.clock.now())
    for state in ("disabled", "paused", "backoff"):
        _ENDPOINTS.labels(state).set(row[state])
    _PAUSES.set(row["pauses"])


async def _count_any_merchant(database: Database, *, now: datetime) -> Row:
    row = await database.fetchrow(
        """SELECT count(*) FILTER (WHERE disabled_at IS NOT NULL)::int AS disabled,
                  count(*) FILTER (WHERE paused_at IS NOT NULL)::int AS paused,
                  count(*) FILTER (WHERE backoff_until > $1 AND disabled_at IS NULL
                                   AND paused_at IS NULL)::int AS backoff,
                  (SELECT count(*) FROM schedule_pauses)::int AS pauses
           FROM webhook_endpoints""",
        now,
    )
    assert row is not None, "an aggregate always has a row"
    return row

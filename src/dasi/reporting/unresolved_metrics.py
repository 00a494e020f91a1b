"""What somebody must be woken for, as metrics: read from the database, so that every gateway tells
what all workers left open."""

from prometheus_client import Gauge

from dasi.engine import Engine
from dasi.ledger import attempt_store

_OPEN = Gauge(
    "dasi_unresolved_attempts",
    "Attempts whose outcome is not known, by handling: automatic or manual",
    ["handling"],
    multiprocess_mode="mostrecent",
)
_DEADLINE = Gauge(
    "dasi_unresolved_attempts_deadline_seconds",
    "Seconds until the next attempt is escalated; +Inf if there is none",
    multiprocess_mode="mostrecent",
)


async def publish_unresolved_metrics(engine: Engine) -> None:
    """Sets them. Alarm on `dasi_unresolved_attempts{handling="manual"} > 0`."""
    automatic, manual, deadline_at = await attempt_store.count_unresolved_any_merchant(
        engine.database
    )
    _OPEN.labels("automatic").set(automatic)
    _OPEN.labels("manual").set(manual)
    left_s = float("inf")
    if deadline_at is not None:
        left_s = (deadline_at - engine.clock.now()).total_seconds()
    _DEADLINE.set(left_s)

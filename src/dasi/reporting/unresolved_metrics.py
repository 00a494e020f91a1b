"""What somebody must be woken for, as metrics: read from the database, so that every gateway tells
what all workers left open."""

from prometheus_client import Gauge

from dasi.engine import Engine
from dasi.ledger import attempt_store

_OPEN = Gauge(
    "dasi_doubts_open",
    "Doubts now, by who has them: machine or person",
    ["who"],
    multiprocess_mode="mostrecent",
)
_DEADLINE = Gauge(
    "dasi_doubts_deadline_seconds",
    "Until the nearest deadline of a doubt the machine has; +Inf if there is none",
    multiprocess_mode="mostrecent",
)


async def publish_doubts(engine: Engine) -> None:
    """Sets them. Alarm on `dasi_doubts_open{who="person"} > 0`."""
    machine, person, deadline_at = await attempt_store.count_doubts_any_merchant(engine.database)
    _OPEN.labels("machine").set(machine)
    _OPEN.labels("person").set(person)
    left_s = float("inf")
    if deadline_at is not None:
        left_s = (deadline_at - engine.clock.now()).total_seconds()
    _DEADLINE.set(left_s)

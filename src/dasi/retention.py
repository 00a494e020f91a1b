"""Delete or empty old rows in the worker: never a row of the ledger or of the audit log.

Each kind goes in small batches. A transaction gives up after two seconds, or when another one holds
a lock that it needs, so a charge never waits for it.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from prometheus_client import Counter

from dasi.engine import Engine
from dasi.events import delete_old_events
from dasi.foundation.errors import Unavailable
from dasi.idempotency import forget_old_responses
from dasi.merchants import list_merchants
from dasi.pg_notifications import delete_old_notifications, delete_unknown_notifications
from dasi.privacy import empty_old_messages
from dasi.settings import Settings
from dasi.windows import delete_abandoned_windows, delete_old_windows

log = structlog.get_logger()

BATCH = 500
_ROWS = Counter(
    "dasi_retention_rows_total", "Rows that were deleted or emptied because of their age", ["kind"]
)


async def delete_old(engine: Engine, settings: Settings) -> int:
    """Delete or empty a batch of each kind, and return about how many rows; 0: nothing is left.

    A kind that is busy is left for the next time.
    """
    rows = 0
    for kind, days, delete in _kinds(settings):
        if days is None:
            continue
        try:
            deleted = await delete(engine, older_than=timedelta(days=days), batch=BATCH)
        except Unavailable as busy:
            log.info("retention_put_off", kind=kind, what=busy.service)
            continue
        _ROWS.labels(kind).inc(deleted)
        rows += deleted
    return rows


_Delete = Callable[..., Awaitable[int]]


def _kinds(settings: Settings) -> tuple[tuple[str, int | None, _Delete], ...]:
    """Each kind, the days that it is kept (None: for ever), and what deletes it."""
    return (
        ("abandoned_windows", settings.abandoned_days, delete_abandoned_windows),
        ("unknown_notifications", settings.abandoned_days, delete_unknown_notifications),
        ("windows", settings.window_days, delete_old_windows),
        ("events", settings.webhook_days, _of_each_merchant(delete_old_events)),
        ("idempotent_responses", settings.idempotency_days, forget_old_responses),
        ("pg_messages", settings.pg_message_days, _of_each_merchant(empty_old_messages)),
        ("pg_notifications", settings.pg_message_days, delete_old_notifications),
    )


def _of_each_merchant(delete: _Delete) -> _Delete:
    """Run a deletion of one merchant's rows for all of them, a batch each."""

    async def delete_all(engine: Engine, *, older_than: timedelta, batch: int) -> int:
        rows = 0
        for merchant in await list_merchants(engine):
            rows += await delete(engine, merchant.merchant_id, older_than=older_than, batch=batch)
        return rows

    return delete_all

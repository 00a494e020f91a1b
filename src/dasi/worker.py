"""The background loops. Any number of workers may run: each claims rows of its own.

An idle loop waits a second, or less when the database wakes it. The work itself is in the domain
packages. A failure of one loop is logged and repeated, and does not stop the others.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Counter

from dasi.backup_folder import publish_backup_metrics
from dasi.billing_keys import delete_due_keys
from dasi.card_verifications import refund_verifications
from dasi.engine import Engine
from dasi.foundation.db import CONNECTION_LOST, connect
from dasi.foundation.errors import Unavailable
from dasi.ledger_proof import seal_ledger
from dasi.outcomes import resolve_due
from dasi.privacy import erase_expired
from dasi.recovery import finish_when_over, publish_mode
from dasi.reporting import count_payments, publish_unresolved_metrics
from dasi.retention import delete_old
from dasi.scheduler import Runner
from dasi.schedules import schedule_retries, stats
from dasi.settings import Settings
from dasi.webhooks import Deliverer, suspend_deliveries_any_merchant
from dasi.windows import expire_windows

log = structlog.get_logger()

_IDLE_S = 1.0
_AFTER_FAILURE_S = 2.0
_SLOW_S = 15.0
_COUNT_S = 5.0
_RETENTION_S = 600.0
_RETENTION_PAUSE_S = 0.2
_SEAL_S = 2.0
_FAILURES = Counter("dasi_worker_failures_total", "Polls of a worker loop that failed", ["loop"])


async def run(engine: Engine, settings: Settings, stop: asyncio.Event) -> None:
    """Run every loop until `stop`; each finishes its poll first."""
    deliverer = Deliverer(
        engine,
        allow_local=settings.allow_local_webhooks,
        retry_schedule=settings.webhook_retry_schedule,
    )
    runner = Runner(engine, per_merchant=settings.max_concurrent_schedules)
    woken = asyncio.Event()
    session_url = settings.database_direct_url or settings.database_url
    try:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(_repeat("webhooks", deliverer.poll, stop, woken=woken))
            loops.create_task(_repeat("schedules", runner.poll, stop))
            loops.create_task(_repeat("retries", lambda: schedule_retries(engine), stop))
            loops.create_task(
                _repeat(
                    "card_verifications", lambda: refund_verifications(engine), stop, idle_s=_SLOW_S
                )
            )
            loops.create_task(
                _repeat(
                    "suspended_deliveries",
                    lambda: suspend_deliveries_any_merchant(engine),
                    stop,
                    idle_s=_SLOW_S,
                )
            )
            loops.create_task(
                _repeat("windows", lambda: expire_windows(engine), stop, idle_s=_SLOW_S)
            )
            loops.create_task(
                _repeat(
                    "retention", lambda: _delete_old(engine, settings), stop, idle_s=_RETENTION_S
                )
            )
            loops.create_task(
                _repeat("counts", lambda: count_payments(engine), stop, idle_s=_COUNT_S)
            )
            loops.create_task(_repeat("seals", lambda: seal_ledger(engine), stop, idle_s=_SEAL_S))
            loops.create_task(_repeat("resolve", lambda: resolve_due(engine), stop))
            loops.create_task(_repeat("key_deletions", lambda: delete_due_keys(engine), stop))
            loops.create_task(
                _repeat("recovery", lambda: _end_recovery(engine), stop, idle_s=_SLOW_S)
            )
            loops.create_task(
                _repeat("metrics", lambda: _publish(engine, settings), stop, idle_s=_SLOW_S)
            )
            if settings.buyer_retention_days is not None:
                days = settings.buyer_retention_days
                loops.create_task(
                    _repeat(
                        "retention",
                        lambda: erase_expired(engine, days=days),
                        stop,
                        idle_s=_RETENTION_S,
                    )
                )
            loops.create_task(_listen(session_url, woken, stop))
    finally:
        await runner.close()
        await deliverer.close()


async def _end_recovery(engine: Engine) -> int:
    return await finish_when_over(engine.database, now=engine.clock.now())


async def _delete_old(engine: Engine, settings: Settings) -> int:
    """Delete old rows, with a pause after each batch that leaves disk and CPU to charges."""
    rows = await delete_old(engine, settings)
    if rows:
        await asyncio.sleep(_RETENTION_PAUSE_S)
    return rows


async def _publish(engine: Engine, settings: Settings) -> int:
    """Publish gauges that need the database, for a scrape of the worker's metrics."""
    await publish_backup_metrics(engine.database, settings.backup_dir)
    await stats.publish_start_delay(engine)
    await publish_unresolved_metrics(engine)
    await publish_mode(engine.database)
    return 0


async def _repeat(
    name: str,
    poll: Callable[[], Awaitable[int]],
    stop: asyncio.Event,
    *,
    woken: asyncio.Event | None = None,
    idle_s: float = _IDLE_S,
) -> None:
    """Poll while there is work, then wait for `idle_s` or `woken`."""
    while not stop.is_set():
        wait_s = idle_s
        if woken is not None:
            woken.clear()
        try:
            if await poll():
                continue
        except Unavailable as unavailable:
            log.warning("worker_backoff", loop=name, what=unavailable.service)
            wait_s = max(idle_s, unavailable.retry_after_s)
        except Exception:
            # A bug in one loop raises an alarm and must not stop this loop or the others.
            _FAILURES.labels(name).inc()
            log.exception("worker_failed", loop=name)
            wait_s = max(idle_s, _AFTER_FAILURE_S)
        await _wait_first(stop, woken, timeout_s=wait_s)


async def _listen(database_url: str, woken: asyncio.Event, stop: asyncio.Event) -> None:
    """Wake the webhook loop early. Without it a delivery starts up to a second later."""
    while not stop.is_set():
        try:
            connection = await connect(database_url)
        except (*CONNECTION_LOST, OSError) as error:
            log.warning("cannot_listen", why=type(error).__name__)
            await _wait_first(stop, None, timeout_s=_AFTER_FAILURE_S)
            continue
        try:
            terminated = asyncio.Event()
            connection.add_termination_listener(lambda *_, event=terminated: event.set())
            await connection.add_listener("dasi_webhooks", lambda *_: woken.set())
            await _wait_first(stop, terminated, timeout_s=None)
        except CONNECTION_LOST as error:
            log.warning("cannot_listen", why=type(error).__name__)
        finally:
            with contextlib.suppress(*CONNECTION_LOST):
                await connection.close(timeout=2)


async def _wait_first(
    stop: asyncio.Event, other: asyncio.Event | None, *, timeout_s: float | None
) -> None:
    """Wait until one of the events is set or the time is over."""
    tasks = [asyncio.create_task(event.wait()) for event in (stop, other) if event is not None]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()

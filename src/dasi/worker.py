"""The background loops. Any number of workers may run: each claims rows of its own.

An idle loop waits a second, or less when the database wakes it. The work itself is in the domain
packages. A failure of one loop is logged and repeated, and does not stop the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from prometheus_client import Counter

from dasi.alerts import AlertSender
from dasi.backup_folder import publish_backup_metrics
from dasi.billing_keys import delete_due_keys
from dasi.card_verifications import refund_verifications
from dasi.engine import Engine
from dasi.foundation.errors import Unavailable
from dasi.foundation.postgres import UNAVAILABLE, Hosts
from dasi.ledger_proof import seal_ledger
from dasi.outcomes import resolve_due
from dasi.privacy import erase_expired
from dasi.recovery import finish_when_over, is_held, publish_mode
from dasi.reporting import count_payments, publish_stopped_metrics, publish_unresolved_metrics
from dasi.request_ids import begin_work
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
_ALERTS_S = 30.0
_LISTEN_CHECK_S = 15.0
_FAILURES = Counter("dasi_worker_failures_total", "Polls of a worker loop that failed", ["loop"])


Poll = Callable[[], Awaitable[int]]
"""Do the due work once, and return how much was done."""


async def run(engine: Engine, settings: Settings, stop: asyncio.Event) -> None:
    """Run every loop until `stop`; each finishes its poll first."""
    deliverer = Deliverer(
        engine,
        allow_local=settings.allow_local_webhooks,
        retry_schedule=settings.webhook_retry_schedule,
    )
    runner = Runner(engine, per_merchant=settings.max_concurrent_schedules)
    timed, unless_held = partial(_while_clock_right, engine), partial(_unless_held, engine)
    woken = asyncio.Event()
    session_url = settings.database_direct_url or settings.database_url
    try:
        async with asyncio.TaskGroup() as loops:

            def repeat(name: str, poll: Poll, *, idle_s: float = _IDLE_S) -> None:
                loops.create_task(_repeat(name, poll, stop, idle_s=idle_s))

            loops.create_task(_repeat("webhooks", unless_held(deliverer.poll), stop, woken=woken))
            loops.create_task(_listen(session_url, woken, stop))
            repeat("schedules", timed(lambda: _run_schedules(engine, runner)))
            repeat("retries", timed(lambda: schedule_retries(engine)))
            repeat("resolve", timed(unless_held(lambda: resolve_due(engine))))
            repeat("key_deletions", timed(unless_held(lambda: delete_due_keys(engine))))
            repeat(
                "card_verifications",
                timed(unless_held(lambda: refund_verifications(engine))),
                idle_s=_SLOW_S,
            )
            repeat("windows", timed(lambda: expire_windows(engine)), idle_s=_SLOW_S)
            repeat(
                "suspended_deliveries",
                lambda: suspend_deliveries_any_merchant(engine),
                idle_s=_SLOW_S,
            )
            repeat("recovery", timed(lambda: _end_recovery(engine)), idle_s=_SLOW_S)
            repeat("seals", lambda: seal_ledger(engine), idle_s=_SEAL_S)
            repeat("counts", lambda: count_payments(engine), idle_s=_COUNT_S)
            repeat("metrics", lambda: _publish(engine, settings), idle_s=_SLOW_S)
            repeat("retention", timed(lambda: _delete_old(engine, settings)), idle_s=_RETENTION_S)
            alerts = AlertSender(engine, settings)
            if alerts.has_ways:
                repeat("alerts", alerts.poll, idle_s=_ALERTS_S)
            if settings.buyer_retention_days is not None:
                days = settings.buyer_retention_days
                repeat(
                    "retention",
                    timed(lambda: erase_expired(engine, days=days)),
                    idle_s=_RETENTION_S,
                )
    finally:
        await runner.close()
        await deliverer.close()


def _while_clock_right(engine: Engine, poll: Poll) -> Poll:
    """Return a poll that does nothing while this machine's clock disagrees with PostgreSQL's.

    With a clock that is ahead, a schedule is charged too early, and a lookup that finds nothing
    yet closes an attempt whose money the PG takes.
    """

    async def poll_while_right() -> int:
        return await poll() if engine.readiness.is_clock_right else 0

    return poll_while_right


async def _run_schedules(engine: Engine, runner: Runner) -> int:
    """Run due schedules; none while a failover may lose their payments."""
    return await runner.poll() if engine.readiness.takes_live_charges else 0


def _unless_held(engine: Engine, poll: Poll) -> Poll:
    """Return a poll that does nothing while this may be a copy of the installation."""

    async def poll_unless_held() -> int:
        return 0 if await is_held(engine.database) else await poll()

    return poll_unless_held


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
    await publish_stopped_metrics(engine)
    await publish_mode(engine.database)
    return 0


async def _repeat(
    name: str,
    poll: Poll,
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
        begin_work()
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
    hosts = Hosts(database_url, command_timeout=_AFTER_FAILURE_S)
    while not stop.is_set():
        try:
            connection = await hosts.connect()
        except UNAVAILABLE as error:
            log.warning("cannot_listen", why=type(error).__name__)
            await _wait_first(stop, None, timeout_s=_AFTER_FAILURE_S)
            continue
        try:
            terminated = asyncio.Event()
            connection.add_termination_listener(lambda *_, event=terminated: event.set())
            await connection.add_listener("dasi_webhooks", lambda *_: woken.set())
            while True:
                await _wait_first(stop, terminated, timeout_s=_LISTEN_CHECK_S)
                if stop.is_set() or terminated.is_set():
                    break
                # Its server may hang, or accept no writes any more and so send no notification.
                if await connection.fetchval("SHOW transaction_read_only") == "on":
                    break
        except UNAVAILABLE as error:
            log.warning("cannot_listen", why=type(error).__name__)
        finally:
            connection.terminate()


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

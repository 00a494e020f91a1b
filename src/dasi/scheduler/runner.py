"""Run due schedules: claim in order, charge once, record the outcome.

A worker leases the schedules it claims. If it dies, the lease expires and another worker claims the
schedule: the payment of the first run holds the order (M1), and the second run links to it.

While a channel's PG is unreachable nothing is charged and nothing fails: its schedules are given
back, its merchant waits for a moment, and afterwards they run in order.
"""

import asyncio
from collections import Counter as CountOf
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge

from dasi.engine import Engine
from dasi.foundation.errors import Unavailable
from dasi.ledger import Payment, Status
from dasi.scheduler import run_store
from dasi.scheduler.execute import execute_schedule
from dasi.scheduler.provider_health import ProviderHealth
from dasi.scheduler.run_store import NOT_SENT, DueSchedule

log = structlog.get_logger()

AT_ONCE = 256
"""The most charges that one worker runs at a time, of all merchants together."""
LEASE = timedelta(seconds=60)
"""Longer than the slot at the PG (5 s), its answer (30 s), a lookup and the commits take."""
_BACKOFF = timedelta(seconds=5)
_POLL_INTERVAL_S = 0.25
_RUNS = Counter("dasi_schedule_runs_total", "Scheduled payments run, by outcome", ["outcome"])
_BACKING_OFF = Gauge(
    "dasi_schedules_backoff_merchants",
    "Merchants whose charges wait for their PG, as each worker sees it",
    multiprocess_mode="livesum",
)


class Runner:
    """Runs due schedules, at most `per_merchant` charges of a merchant at once; one per worker.

    A merchant's channels share that limit, so no channel ever gets more.
    """

    def __init__(self, engine: Engine, *, per_merchant: int) -> None:
        self._engine = engine
        self._health = ProviderHealth(engine)
        # A claim always fits the limit: no schedule is claimed only to be given back.
        self._step = max(1, per_merchant // 4)
        self._busy_above = per_merchant - self._step
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight: CountOf[int] = CountOf()
        self._backing_off: dict[int, datetime] = {}

    async def poll(self) -> int:
        """Start due schedules within the limits; return how many, or 1 when a charge ended."""
        had_tasks = bool(self._tasks)
        started = await self._start(None)
        if started:
            return len(started)
        if not self._tasks:
            # A charge that ended meanwhile may have kept its merchant at the limit: claim again.
            return int(had_tasks)
        ended, _ = await asyncio.wait(
            self._tasks, timeout=_POLL_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
        )
        return min(len(ended), 1)

    async def run_due(self, *, only_merchant_id: int | None = None) -> int:
        """Run one batch of due schedules to its end and return their number."""
        started = await self._start(only_merchant_id)
        await asyncio.gather(*started)
        return len(started)

    async def close(self) -> None:
        """Wait until the charges under way are recorded."""
        await asyncio.gather(*self._tasks)

    async def _start(self, only_merchant_id: int | None) -> list[asyncio.Task[None]]:
        if len(self._tasks) > AT_ONCE - self._step:
            return []
        now = self._engine.clock.now()
        claimed = await run_store.claim_due_any_merchant(
            self._engine.database,
            now=now,
            leased_until=now + LEASE,
            batch=self._step,
            excluded=self._excluded_now(now),
            only_merchant_id=only_merchant_id,
        )
        started = []
        for due in claimed:
            if await self._must_wait(due, now):
                await run_store.release(self._engine.database, due)
            else:
                started.append(self._begin(due))
        return started

    def _excluded_now(self, now: datetime) -> list[int]:
        """Merchants that get no claims: their PG is unreachable, or they are at their limit."""
        self._backing_off = {
            merchant_id: until for merchant_id, until in self._backing_off.items() if until > now
        }
        _BACKING_OFF.set(len(self._backing_off))
        busy = [
            merchant_id
            for merchant_id, count in self._in_flight.items()
            if count > self._busy_above
        ]
        return [*self._backing_off, *busy]

    async def _must_wait(self, due: DueSchedule, now: datetime) -> bool:
        if due.merchant_id not in self._backing_off and await self._health.is_down(due):
            self._backing_off[due.merchant_id] = now + _BACKOFF
            _BACKING_OFF.set(len(self._backing_off))
            log.warning("schedules_wait_for_pg", merchant_id=due.merchant_id)
        return due.merchant_id in self._backing_off

    def _begin(self, due: DueSchedule) -> asyncio.Task[None]:
        self._in_flight[due.merchant_id] += 1
        task = asyncio.create_task(self._run(due))

        def ended(_task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._in_flight[due.merchant_id] -= 1
            if self._in_flight[due.merchant_id] == 0:
                del self._in_flight[due.merchant_id]

        self._tasks.add(task)
        task.add_done_callback(ended)
        return task

    async def _run(self, due: DueSchedule) -> None:
        try:
            payment = await execute_schedule(self._engine, due)
            await self._record_run(due, payment)
        except Unavailable as error:
            log.warning("schedule_backoff", schedule_id=due.schedule_id, what=error.service)
        except Exception:
            # A bug in one charge raises an alarm; its lease expires and other charges continue.
            _RUNS.labels("bug").inc()
            log.exception("schedule_failed_to_run", schedule_id=due.schedule_id)

    async def _record_run(self, due: DueSchedule, payment: Payment | None) -> None:
        if payment is None:
            _RUNS.labels("revoked").inc()
        elif payment.fail_code == NOT_SENT:
            _RUNS.labels("not_sent").inc()
            self._health.record_failure(due)
            self._backing_off[due.merchant_id] = self._engine.clock.now() + _BACKOFF
            await run_store.release(self._engine.database, due)
            log.warning("schedules_wait_for_pg", merchant_id=due.merchant_id)
        else:
            _RUNS.labels(payment.status.value).inc()
            if payment.status is Status.PENDING:
                self._health.record_failure(due)
            else:
                self._health.record_success(due)

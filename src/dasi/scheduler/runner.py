"""Run due schedules: claim in order, charge once, record the result.

A worker claims schedules under a lease. If it dies, the lease expires and another worker claims the
same order. A payment of the first worker holds that order (M1), and the second one links to it.

While a channel's PG is away nothing is charged and nothing fails. Its schedules are released, its
merchant backs off for a moment, and afterwards they run in order.
"""

from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Unavailable
from dasi.foundation.worker_pool import WorkerPool
from dasi.ledger import Payment, Status
from dasi.recovery import recovery_state
from dasi.request_ids import begin_work
from dasi.scheduler import run_store
from dasi.scheduler.execute import execute_schedule
from dasi.scheduler.provider_health import ProviderHealth
from dasi.scheduler.run_store import NOT_SENT, DueSchedule

log = structlog.get_logger()

MAX_CONCURRENT = 256
"""Charges in flight in one worker, of all merchants together."""
LEASE = timedelta(seconds=60)
"""Longer than a slot at the PG (5 s), its answer (30 s), a lookup and the records take."""
_BACKOFF = timedelta(seconds=5)
_RUNS = Counter("dasi_schedule_runs_total", "Scheduled payments run, by outcome", ["outcome"])
_BACKING_OFF = Gauge(
    "dasi_schedules_backoff_merchants",
    "Merchants whose charges wait for their PG, as each worker sees it",
    multiprocess_mode="livesum",
)


class Runner(WorkerPool[DueSchedule, int]):
    """Runs due schedules. One per worker; at most `per_merchant` charges of a merchant at once.

    A merchant's channels share that limit, so no channel exceeds it.
    """

    def __init__(self, engine: Engine, *, per_merchant: int) -> None:
        super().__init__(max_concurrent=MAX_CONCURRENT)
        self._engine = engine
        self._health = ProviderHealth(engine)
        # Claims take steps that always fit, so that no schedule is claimed only to be released.
        self._step = max(1, per_merchant // 4)
        self._busy_above = per_merchant - self._step
        self._backing_off: dict[int, datetime] = {}

    async def claim_due(self, *, only_merchant_id: int | None) -> list[DueSchedule]:
        """Claim a step of due schedules, in order; none while charging is stopped (M11) or held."""
        if self.free_slots < self._step:
            return []
        if (await recovery_state(self._engine.database)).mode in ("stopped", "held"):
            return []
        now = self._engine.clock.now()
        return await run_store.claim_due_any_merchant(
            self._engine.database,
            now=now,
            leased_until=now + LEASE,
            batch=self._step,
            excluded=self._excluded_now(now),
            only_merchant_id=only_merchant_id,
        )

    def group_of(self, item: DueSchedule) -> int:
        return item.merchant_id

    async def may_start(self, item: DueSchedule) -> bool:
        """Return False and release the schedule if its merchant waits for its PG."""
        if item.merchant_id not in self._backing_off and await self._health.is_down(item):
            self._back_off(item)
        if item.merchant_id not in self._backing_off:
            return True
        await run_store.release(self._engine.database, item)
        return False

    async def process(self, item: DueSchedule) -> None:
        """Charge one schedule and record the result."""
        begin_work()
        try:
            payment = await execute_schedule(self._engine, item)
            await self._record_result(item, payment)
        except Unavailable as unavailable:
            log.warning("schedule_backoff", schedule_id=item.schedule_id, what=unavailable.service)
        except Exception as error:
            if isinstance(error, Conflict) and error.reason == "order_in_doubt":
                _report_forgotten(item, error)
                return
            # A bug in one charge raises an alarm; its lease expires, the others continue.
            _RUNS.labels("bug").inc()
            log.exception("schedule_failed_to_run", schedule_id=item.schedule_id)

    def _excluded_now(self, now: datetime) -> list[int]:
        """Merchants to leave out of a claim: their PG is away, or they have enough in flight."""
        self._backing_off = {
            merchant_id: until for merchant_id, until in self._backing_off.items() if until > now
        }
        _BACKING_OFF.set(len(self._backing_off))
        busy = [
            merchant_id for merchant_id, count in self.in_flight.items() if count > self._busy_above
        ]
        return [*self._backing_off, *busy]

    def _back_off(self, due: DueSchedule) -> None:
        self._backing_off[due.merchant_id] = self._engine.clock.now() + _BACKOFF
        _BACKING_OFF.set(len(self._backing_off))
        log.warning("schedules_wait_for_pg", merchant_id=due.merchant_id)

    async def _record_result(self, due: DueSchedule, payment: Payment | None) -> None:
        if payment is None:
            _RUNS.labels("revoked").inc()
        elif payment.fail_code == NOT_SENT:
            _RUNS.labels("not_sent").inc()
            self._health.record_failure(due)
            self._back_off(due)
            await run_store.release(self._engine.database, due)
        else:
            _RUNS.labels(payment.status.value).inc()
            if payment.status is Status.PENDING:
                self._health.record_failure(due)
            else:
                self._health.record_success(due)


def _report_forgotten(due: DueSchedule, in_doubt: Conflict) -> None:
    """Report that the database went back. The order is looked up before it is charged again."""
    _RUNS.labels("forgotten").inc()
    log.warning(
        "schedule_payment_forgotten",
        schedule_id=due.schedule_id,
        merchant_id=due.merchant_id,
        merchant_uid=due.details.merchant_uid,
        imp_uid=in_doubt.facts.get("imp_uid"),
        hint="The PG may have charged. See `dasi recover`.",
    )

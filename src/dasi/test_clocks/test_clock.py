"""Advance the clock of a merchant in test mode and run, in order, everything due until then.

Due times are stored on the machine's clock. Advancing a merchant's clock moves its due charges,
lookups and webhooks nearer by the same time. The clock advances from one due moment to the next; at
each one the charges run, then the lookups, then the webhooks: a year passes in seconds. The PG's
business date does not advance: requests carry today's.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, NotAllowed
from dasi.merchants import find_clock_offset
from dasi.outcomes import resolve_due
from dasi.scheduler import Runner, run_store
from dasi.schedules import schedule_retries
from dasi.test_clocks import test_clock_store
from dasi.webhooks import Deliverer

OFFSET_MAX = timedelta(days=366 * 5)
STEPS_MAX = 20_000
_PER_MERCHANT = 16


@dataclass(frozen=True, slots=True)
class ClockAdvance:
    """The result of advancing a clock."""

    now: datetime
    """On the merchant's clock."""
    charges: int
    lookups: int
    """Of unresolved attempts."""
    delivery_attempts: int
    """POSTs of webhooks."""


async def merchant_now(engine: Engine, merchant_id: int) -> datetime:
    """Return the time of a merchant's clock: the machine's time, plus its offset."""
    return engine.clock.now() + await find_clock_offset(engine.database, merchant_id)


async def advance_clock(
    engine: Engine, deliverer: Deliverer, merchant_id: int, *, to: datetime
) -> ClockAdvance:
    """Advance a merchant's clock to `to` and run everything due until then.

    `NotAllowed("clock_of_live_merchant")` unless all its channels are test channels;
    `Conflict("clock_moment")` for a moment that is past on its clock or too far ahead.
    """
    if not await test_clock_store.is_in_test_mode(engine.database, merchant_id):
        raise NotAllowed("clock_of_live_merchant")
    started_at = engine.clock.now()
    clock_offset = await find_clock_offset(engine.database, merchant_id)
    by = to - (started_at + clock_offset)
    if by < timedelta(0):
        raise Conflict("clock_moment", rule="clock_forward")
    if clock_offset + by > OFFSET_MAX:
        raise Conflict("clock_moment", rule="clock_days_at_most", days=OFFSET_MAX.days)
    done = await _run_due_work(engine, deliverer, merchant_id)
    for _ in range(STEPS_MAX):
        now = engine.clock.now()
        left = to - (now + await find_clock_offset(engine.database, merchant_id))
        if left <= timedelta(0):
            break
        moment = await run_store.next_due(engine.database, merchant_id, now=now, until=now + left)
        step = left if moment is None else moment - now
        await test_clock_store.advance(engine.database, merchant_id, by_s=_whole_seconds(step))
        done += await _run_due_work(engine, deliverer, merchant_id)
    return ClockAdvance(
        await merchant_now(engine, merchant_id),
        done["charges"],
        done["lookups"],
        done["delivery_attempts"],
    )


async def reset_clock(engine: Engine, merchant_id: int) -> None:
    """Set the clock back to the machine's time; due times of waiting schedules move with it."""
    await test_clock_store.reset(engine.database, merchant_id)


async def _run_due_work(
    engine: Engine, deliverer: Deliverer, merchant_id: int
) -> Counter[Literal["charges", "lookups", "delivery_attempts"]]:
    """Run everything that is due now: charges, then lookups and retries, then webhooks.

    Each moment has its own runner, because a runner's back-off waits in the machine's time.
    """
    runner = Runner(engine, per_merchant=_PER_MERCHANT)
    done: Counter[Literal["charges", "lookups", "delivery_attempts"]] = Counter()
    while True:
        started = await runner.run_due(only_merchant_id=merchant_id)
        lookups = await resolve_due(engine, only_merchant_id=merchant_id)
        await schedule_retries(engine)
        delivery_attempts = await deliverer.run_due(only_merchant_id=merchant_id)
        done.update(charges=started, lookups=lookups, delivery_attempts=delivery_attempts)
        if not started and not lookups and not delivery_attempts:
            return done


def _whole_seconds(step: timedelta) -> int:
    """Round up to whole seconds, so that the due moment has passed after the step."""
    return int(-(-step // timedelta(seconds=1)))

"""Turn the clock of a merchant in test mode: what would have happened meanwhile happens, in order.

What is due is kept on the machine's clock. Turning a merchant's clock forward by some time brings
its due charges, the lookups at its doubts and its webhooks nearer by as much. It is turned from one
due moment to the next, and at each one the charges run, then the lookups, then the webhooks: a year
passes in seconds. The PG's day is not turned: it is asked today, as always.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, NotAllowed
from dasi.merchants import find_clock_offset
from dasi.payments import resolve_due
from dasi.scheduler import Runner, run_store
from dasi.schedules import schedule_retries
from dasi.test_clocks import test_clock_store
from dasi.webhooks import Deliverer

OFFSET_MAX = timedelta(days=366 * 5)
STEPS_MAX = 20_000
_PER_MERCHANT = 16


@dataclass(frozen=True, slots=True)
class ClockAdvance:
    """What came of turning a clock."""

    now: datetime
    """On the merchant's clock."""
    charges: int
    lookups: int
    """At doubts."""
    delivery_attempts: int
    """POSTs of webhooks."""


async def merchant_now(engine: Engine, merchant_id: int) -> datetime:
    """The moment on a merchant's clock: the machine's, unless it was turned."""
    return engine.clock.now() + await find_clock_offset(engine.database, merchant_id)


async def advance_clock(
    engine: Engine, deliverer: Deliverer, merchant_id: int, *, to: datetime
) -> ClockAdvance:
    """Turns a merchant's clock forward to `to` and lets everything due until then happen.

    `NotAllowed("clock_of_live_merchant")` unless all its channels are a PG's test host; `Conflict(
    "clock_moment")` for a moment that is past on its clock or too far ahead.
    """
    if not await test_clock_store.is_in_test_mode(engine.database, merchant_id):
        raise NotAllowed("clock_of_live_merchant")
    began = engine.clock.now()
    clock_offset = await find_clock_offset(engine.database, merchant_id)
    by = to - (began + clock_offset)
    if by < timedelta(0):
        raise Conflict("clock_moment", rule="시계는 앞으로만 돌릴 수 있습니다")
    if clock_offset + by > OFFSET_MAX:
        rule = f"최대 {OFFSET_MAX.days}일 앞까지 돌릴 수 있습니다"
        raise Conflict("clock_moment", rule=rule)
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
    """Back to the machine's time. What was scheduled on the turned clock moves away as far."""
    await test_clock_store.reset(engine.database, merchant_id)


async def _run_due_work(
    engine: Engine, deliverer: Deliverer, merchant_id: int
) -> Counter[Literal["charges", "lookups", "delivery_attempts"]]:
    """Everything that is due now: charges, the lookups and retries they lead to, webhooks.

    A runner of its own for each moment: one that found the PG away waits in the machine's time.
    """
    runner = Runner(engine, per_merchant=_PER_MERCHANT)
    done: Counter[Literal["charges", "lookups", "delivery_attempts"]] = Counter()
    while True:
        begun = await runner.run_due(only_merchant_id=merchant_id)
        lookups = await resolve_due(engine, only_merchant_id=merchant_id)
        await schedule_retries(engine)
        delivery_attempts = await deliverer.run_due(only_merchant_id=merchant_id)
        done.update(charges=begun, lookups=lookups, delivery_attempts=delivery_attempts)
        if not begun and not lookups and not delivery_attempts:
            return done


def _whole_seconds(step: timedelta) -> int:
    """Up to the next whole second, so that what is due then is past and not about to be."""
    return int(-(-step // timedelta(seconds=1)))

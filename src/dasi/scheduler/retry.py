"""Charge a declined or revoked schedule again, now."""

from dasi.billing_keys import active_key
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, NotFound
from dasi.ledger import Payment
from dasi.scheduler import run_store
from dasi.scheduler.execute import execute_schedule
from dasi.scheduler.run_store import NOT_SENT
from dasi.scheduler.runner import LEASE
from dasi.schedules import lock_ended_schedule


async def retry(
    engine: Engine,
    merchant_id: int,
    merchant_uid: str,
    *,
    idempotency_key: str | None = None,
    include_sandbox: bool = True,
) -> Payment:
    """Charge a declined or revoked schedule once more and return the new payment.

    `NotFound("unknown_schedule")`, `NotFound("unknown_schedule_key")`,
    `Conflict("schedule_not_ended")`, `Conflict("schedule_paid")`, `Conflict("order_already_paid")`,
    `Conflict("order_in_doubt")`. A charge that was not sent leaves the schedule as it was.
    """
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        schedule = await lock_ended_schedule(
            connection, merchant_id, merchant_uid, include_sandbox=include_sandbox
        )
        key = await active_key(connection, merchant_id, schedule.customer_uid)
        if key is None or key.is_sandbox is not schedule.is_sandbox:
            raise NotFound("unknown_schedule_key", customer_uid=schedule.customer_uid)
        due = await run_store.claim_for_retry(
            connection, merchant_id, schedule.schedule_id, leased_until=now + LEASE, now=now
        )
        if due is None:
            raise Conflict("schedule_exists", merchant_uid=merchant_uid)
    payment = await execute_schedule(engine, due, idempotency_key=idempotency_key)
    if payment is None:
        raise NotFound("unknown_schedule_key", customer_uid=schedule.customer_uid)
    if payment.amount_krw != schedule.amount_krw:
        raise Conflict("order_already_paid", merchant_uid=merchant_uid, imp_uid=payment.imp_uid)
    if payment.fail_code == NOT_SENT:
        await run_store.release_retry(engine.database, merchant_id, schedule)
    return payment

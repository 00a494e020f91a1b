"""Execute a claimed schedule: charge it, or link the payment of an earlier run."""

from datetime import datetime, timedelta

import structlog

from dasi.engine import Engine
from dasi.events import enqueue_extended_event
from dasi.foundation.errors import Conflict, NotAllowed, NotFound
from dasi.ledger import Payment, Status, find_payment
from dasi.payments import ChargeRequest, charge
from dasi.scheduler import run_store
from dasi.scheduler.run_store import NOT_FOUND, NOT_SENT, DueSchedule, RunResult

log = structlog.get_logger()

_IN_DOUBT_WAIT, _IN_DOUBT_WAIT_MAX = timedelta(seconds=2), timedelta(minutes=5)
_DOUBLINGS_MAX = 8


async def execute_schedule(
    engine: Engine, due: DueSchedule, *, idempotency_key: str | None = None
) -> Payment | None:
    """Charge a claimed schedule, finish it and return the payment; None if it has no key.

    A schedule without a key of its mode is revoked. A payment that was not sent does not finish the
    schedule: the caller decides when it runs again. If another payment already holds this order,
    the schedule is linked to it instead of charging again. While that payment is unresolved the
    schedule waits; if it never reached the PG the order is free and the schedule is charged again.
    """
    executed_at = engine.clock.now() + due.clock_offset
    if due.is_second_run:
        earlier = await run_store.payment_of_run(
            engine.database, due.merchant_id, due.details.merchant_uid, since=due.started_at
        )
        if earlier is not None:
            return await link_existing_payment(engine, due, earlier, executed_at=executed_at)
    try:
        payment = await charge(engine, due.merchant_id, _charge_request(due, idempotency_key))
    except Conflict as error:
        return await link_existing_payment(
            engine, due, str(error.facts["imp_uid"]), executed_at=executed_at
        )
    except (NotFound, NotAllowed) as error:
        log.warning(
            "schedule_without_key",
            schedule_id=due.schedule_id,
            merchant_id=due.merchant_id,
            why=error.reason,
        )
        await _revoke_unchargeable(engine, due, revoked_at=executed_at)
        return None
    await _finish(engine, due, payment, executed_at=executed_at)
    return payment


async def link_existing_payment(
    engine: Engine, due: DueSchedule, imp_uid: str, *, executed_at: datetime
) -> Payment:
    """Link the payment that holds the schedule's order to the schedule, if it is final.

    The payment may have become final since the order was refused. If it never reached the PG, the
    schedule is due again at once; so it is if a payment of another amount failed. A payment of
    another amount ends the schedule as failed. `Conflict("order_in_doubt")` if the database has
    lost the payment: the PG may have charged.
    """
    try:
        payment = await find_payment(engine, due.merchant_id, imp_uid)
    except NotFound as error:
        raise Conflict(
            "order_in_doubt", merchant_uid=due.details.merchant_uid, imp_uid=imp_uid
        ) from error
    log.info(
        "schedule_payment_linked",
        schedule_id=due.schedule_id,
        imp_uid=imp_uid,
        status=payment.status.value,
    )
    await _finish(engine, due, payment, executed_at=executed_at)
    return payment


async def _finish(
    engine: Engine, due: DueSchedule, payment: Payment, *, executed_at: datetime
) -> None:
    if payment.fail_code == NOT_SENT:
        return
    is_other = payment.amount_krw != due.details.amount_krw
    if payment.fail_code == NOT_FOUND or (is_other and payment.status is Status.FAILED):
        await run_store.wait_until_resolved(
            engine.database,
            due.merchant_id,
            due.schedule_id,
            imp_uid=payment.imp_uid,
            until=engine.clock.now(),
        )
        return
    if payment.status is Status.PENDING:
        wait = min(_IN_DOUBT_WAIT * 2 ** min(due.runs, _DOUBLINGS_MAX), _IN_DOUBT_WAIT_MAX)
        await run_store.wait_until_resolved(
            engine.database,
            due.merchant_id,
            due.schedule_id,
            imp_uid=payment.imp_uid,
            until=engine.clock.now() + wait,
        )
        return
    if is_other:
        log.warning(
            "schedule_order_paid_with_another_amount",
            schedule_id=due.schedule_id,
            imp_uid=payment.imp_uid,
        )
    result = RunResult(
        merchant_id=due.merchant_id,
        schedule_id=due.schedule_id,
        imp_uid=payment.imp_uid,
        executed_at=executed_at,
        awaits_retry=due.has_retry_policy and payment.status is Status.FAILED,
        now=engine.clock.now(),
    )
    await engine.database.run_batched(run_store.finish, result)


async def _revoke_unchargeable(engine: Engine, due: DueSchedule, *, revoked_at: datetime) -> None:
    """Revoke a schedule whose customer has no key of its mode. Nothing is charged.

    Deleting a key revokes its schedules (B5), but a key of the other mode may have replaced it.
    """
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        version = await run_store.revoke_unchargeable(
            connection, due.merchant_id, due.schedule_id, revoked_at=revoked_at, now=now
        )
        if version is not None:
            await enqueue_extended_event(
                connection,
                due.merchant_id,
                kind="schedule.revoked",
                resource_id=due.schedule_id,
                channel_id=due.scheduled_channel_id,
                version=version,
                body={
                    "merchant_uid": due.details.merchant_uid,
                    "customer_uid": due.customer_uid,
                    "status": "revoked",
                },
                now=now,
            )


def _charge_request(due: DueSchedule, idempotency_key: str | None) -> ChargeRequest:
    return ChargeRequest(
        customer_uid=due.customer_uid,
        details=due.details,
        is_sandbox=due.is_sandbox,
        is_scheduled=True,
        idempotency_key=idempotency_key,
    )

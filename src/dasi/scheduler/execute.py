"""Finish a run: charge one schedule in hand, or adopt what an earlier run of it did."""

from datetime import datetime, timedelta

import structlog

from dasi.billing_keys import key_channels
from dasi.engine import Engine
from dasi.events import enqueue_extended_event
from dasi.foundation.errors import Conflict, NotFound
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
    """Charges a schedule in hand and finishes it. None: its key is gone and it was revoked.

    A payment that never was sent does not finish it: the caller decides when to try again. If the
    order is taken, whoever took it did what this schedule is for: that payment is adopted. While
    that is in doubt the schedule waits for the doubt to end; a charge that turns out never to have
    reached the PG is made anew, because then the order is free again.
    """
    executed_at = engine.clock.now() + due.clock_offset
    if due.is_second_run:
        earlier = await run_store.payment_of_run(
            engine.database, due.merchant_id, due.merchant_uid, since=due.started_at
        )
        if earlier is not None:
            return await link_existing_payment(engine, due, earlier, executed_at=executed_at)
    try:
        payment = await charge(engine, due.merchant_id, _charge_request(due, idempotency_key))
    except Conflict as taken:
        return await link_existing_payment(
            engine, due, str(taken.facts["imp_uid"]), executed_at=executed_at
        )
    except NotFound:
        await _revoke_keyless(engine, due, revoked_at=executed_at)
        return None
    await _finish(engine, due, payment, executed_at=executed_at)
    return payment


async def link_existing_payment(
    engine: Engine, due: DueSchedule, imp_uid: str, *, executed_at: datetime
) -> Payment:
    """The payment that holds the schedule's order becomes the schedule's own, if it came to an end.

    It may have ended since it was found to hold the order: if it turned out never to have reached
    the PG, the schedule is due again at once.
    """
    payment = await find_payment(engine, due.merchant_id, imp_uid)
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
    if payment.fail_code == NOT_FOUND:
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
    result = RunResult(
        merchant_id=due.merchant_id,
        schedule_id=due.schedule_id,
        imp_uid=payment.imp_uid,
        executed_at=executed_at,
        awaits_retry=due.has_retry_policy and payment.status is Status.FAILED,
        now=engine.clock.now(),
    )
    await engine.database.run_batched(run_store.finish, result)


async def _revoke_keyless(engine: Engine, due: DueSchedule, *, revoked_at: datetime) -> None:
    """The key is gone, but not by the act that revokes (B5). Nothing was charged."""
    now = engine.clock.now()
    log.error("schedule_without_key", schedule_id=due.schedule_id, merchant_id=due.merchant_id)
    async with engine.database.transaction() as connection:
        version = await run_store.revoke_keyless(
            connection, due.merchant_id, due.schedule_id, revoked_at=revoked_at, now=now
        )
        if version is not None:
            channels = await key_channels(connection, due.merchant_id, {due.customer_uid})
            await enqueue_extended_event(
                connection,
                due.merchant_id,
                kind="schedule.revoked",
                resource_id=due.schedule_id,
                channel_id=channels.get(due.customer_uid),
                version=version,
                body={
                    "merchant_uid": due.merchant_uid,
                    "customer_uid": due.customer_uid,
                    "status": "revoked",
                },
                now=now,
            )


def _charge_request(due: DueSchedule, idempotency_key: str | None) -> ChargeRequest:
    return ChargeRequest(
        customer_uid=due.customer_uid,
        merchant_uid=due.merchant_uid,
        amount_krw=due.amount_krw,
        name=due.name,
        buyer=due.buyer,
        tax_free_krw=due.tax_free_krw,
        quota_months=due.card_quota,
        custom_data=due.custom_data,
        notice_urls=due.notice_urls,
        is_scheduled=True,
        idempotency_key=idempotency_key,
    )

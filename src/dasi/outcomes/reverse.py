"""Reverse an approval that must not stand, because the caller has another answer (M6, M7).

The merchant has never seen this approval, so its reversal is no cancel of a payment: the payment
fails. A reversal is a request that moves money: reserve, send, record, and look up if unknown.
"""

import asyncpg
import structlog

from dasi.channels import find_channel, open_account
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.ledger import (
    PaymentAttempt,
    Status,
    attempt_store,
    lookup_backoff,
    payment_store,
    reserve_store,
)
from dasi.outcomes.either_day import send_on_either_day
from dasi.outcomes.notify import notify_failed
from dasi.providers.port import AttemptKind, Cancel, Cancelled, Declined, NotSent, Unknown

log = structlog.get_logger()


async def reverse(
    engine: Engine, approval: PaymentAttempt, *, pg_tid: str, amount_krw: int, reason: str
) -> None:
    """Cancel an approval at the PG, unless another reversal of it is under way."""
    now = engine.clock.now()
    try:
        async with engine.database.transaction() as connection:
            payment = await payment_store.payment_for_update(
                connection, approval.merchant_id, approval.imp_uid
            )
            attempt = await reserve_store.insert_attempt(
                connection,
                payment,
                vault=engine.vault,
                kind=AttemptKind.CANCEL,
                business_date=kst_day(now),
                channel_id=approval.channel_id,
                pg_order_id=approval.pg_order_id,
                amount_krw=amount_krw,
                actor="gateway",
                now=now,
                remain_krw=amount_krw,
                reason=reason,
                is_reversal=True,
            )
            await attempt_store.schedule_lookup(
                connection,
                approval.merchant_id,
                approval.attempt_id,
                at=lookup_backoff.next_lookup_at(now, now + lookup_backoff.DELAYS[0]),
                detail="being reversed",
            )
    except asyncpg.UniqueViolationError:
        log.info("reversal_under_way", imp_uid=approval.imp_uid)
        await attempt_store.schedule_lookup(
            engine.database,
            approval.merchant_id,
            approval.attempt_id,
            at=lookup_backoff.next_lookup_at(now, now + lookup_backoff.DELAYS[1]),
            detail="being reversed",
        )
        return
    channel = await find_channel(engine, approval.merchant_id, approval.channel_id)
    provider, account = engine.providers[channel.provider], open_account(engine, channel)
    request = Cancel(
        pg_tid=pg_tid,
        amount_krw=amount_krw,
        remain_krw=amount_krw,
        paid_krw=amount_krw,
        reason=reason,
    )
    attempt, outcome = await send_on_either_day(
        engine,
        approval.merchant_id,
        attempt,
        lambda sent: provider.cancel(account, sent, cancel=request),
    )
    reversal = await attempt_store.attempt(
        engine.database, approval.merchant_id, attempt.attempt_id
    )
    await finish_reversal(engine, reversal, outcome)


async def finish_reversal(
    engine: Engine, reversal: PaymentAttempt, outcome: Cancelled | Declined | Unknown | NotSent
) -> None:
    """Record a reversal's outcome. A reversed approval counts as declined and its payment fails."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        payment = await payment_store.payment_for_update(
            connection, reversal.merchant_id, reversal.imp_uid
        )
        if not await attempt_store.close_attempt(
            connection, reversal.merchant_id, reversal.attempt_id, outcome, now=now
        ):
            return
        if isinstance(outcome, Cancelled):
            reason = reversal.reason or "승인을 취소했습니다."
            await attempt_store.close_approval(
                connection,
                reversal.merchant_id,
                reversal.imp_uid,
                Declined(code="REVERSED", text=reason, reason="reversed"),
                now=now,
            )
            if payment.status is Status.PENDING:
                payment = await payment_store.mark_failed(
                    connection, payment, code="REVERSED", reason=reason, now=now
                )
                await notify_failed(connection, payment, is_late=True, now=now)
        elif isinstance(outcome, Declined | NotSent):
            # The approval's next lookup finds it again and reverses it, or escalates.
            log.error("reversal_failed", imp_uid=reversal.imp_uid, attempt_id=reversal.attempt_id)
        await payment_store.record_event(
            connection,
            payment,
            vault=engine.vault,
            event_type=f"reversal_{type(outcome).__name__.lower()}",
            actor=payment.provider,
            created_at=now,
            amount_krw=reversal.amount_krw,
            detail=getattr(outcome, "why", None),
            attempt_id=reversal.attempt_id,
            outcome=outcome,
        )

"""Record the PG's answer to a cancel: attempt, payment, event, webhook in one transaction."""

from dasi.engine import Engine
from dasi.ledger import (
    Payment,
    PaymentAttempt,
    Status,
    assert_may_become,
    attempt_store,
    payment_store,
)
from dasi.outcomes.notify import notify
from dasi.providers.port import Cancelled, Declined, NotSent, Unknown

_EVENT_TYPES = {Declined: "cancel_declined", NotSent: "cancel_not_sent", Unknown: "outcome_unknown"}


async def record_cancel(
    engine: Engine,
    attempt: PaymentAttempt,
    outcome: Cancelled | Declined | Unknown | NotSent,
    *,
    resolved_by: str | None = None,
) -> Payment:
    """Record the outcome of a cancel, once, and return the payment.

    `resolved_by` becomes the event's detail: what resolved it later, None for a direct answer.
    """
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        payment = await payment_store.payment_for_update(
            connection, attempt.merchant_id, attempt.imp_uid
        )
        if not await attempt_store.close_attempt(
            connection, attempt.merchant_id, attempt.attempt_id, outcome, now=now
        ):
            return payment
        if isinstance(outcome, Cancelled):
            assert outcome.amount_krw == attempt.amount_krw, f"{attempt.attempt_id}: another amount"
            is_all = outcome.amount_krw == payment.remain_krw
            assert_may_become(
                payment.status, Status.CANCELLED if is_all else Status.PARTLY_CANCELLED
            )
            payment = await payment_store.mark_cancelled(
                connection,
                payment,
                amount_krw=outcome.amount_krw,
                tax_free_krw=attempt.tax_free_krw or 0,
                now=now,
            )
        await payment_store.record_event(
            connection,
            payment,
            vault=engine.vault,
            event_type=_EVENT_TYPES.get(type(outcome), "cancelled"),
            actor="gateway" if isinstance(outcome, NotSent | Unknown) else payment.provider,
            created_at=now,
            amount_krw=attempt.amount_krw,
            detail=resolved_by or getattr(outcome, "why", None),
            attempt_id=attempt.attempt_id,
            outcome=outcome,
        )
        if isinstance(outcome, Cancelled) and attempt.notify_merchant:
            await notify(connection, payment, "cancelled", notice_urls=(), now=now)
    return payment

"""Resolve an unknown outcome by hand, with what the PG's admin pages say.

Only an escalated attempt may be resolved: while lookups still run, their result comes first.
"""

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, NotFound
from dasi.ledger import PaymentAttempt, attempt_store, payment_store
from dasi.payments.record import record_outcome
from dasi.payments.record_cancel import record_cancel
from dasi.payments.reverse import finish_reversal
from dasi.providers.port import (
    Approved,
    AttemptKind,
    Cancelled,
    Card,
    Declined,
)

_CODE = "MANUALLY_RESOLVED"


async def resolve_manually(
    engine: Engine, attempt_id: str, *, pg_tid: str | None, actor: str, reason: str
) -> None:
    """Resolve one attempt. `pg_tid`: the PG approved it under this number. None: it did not.

    `NotFound("unknown_attempt")`, `Conflict("not_escalated")` while the machine is not done, and
    `Conflict("key_cannot_be_resolved")` for a card registration that "happened": its key is nowhere
    to be had, so the payer must register again.
    """
    attempt = await attempt_store.unresolved_attempt_any_merchant(engine.database, attempt_id)
    if attempt is None:
        raise NotFound("unknown_attempt", attempt_id=attempt_id[:60])
    if attempt.escalated_at is None:
        raise Conflict("not_escalated", attempt_id=attempt_id, until=attempt.deadline_at)
    resolved_by = f"resolved by {actor}: {reason}"
    if attempt.kind is AttemptKind.CANCEL:
        await _resolve_cancel_manually(engine, attempt, pg_tid, reason, resolved_by)
        return
    if pg_tid is None:
        await record_outcome(
            engine,
            attempt.merchant_id,
            attempt.imp_uid,
            attempt.attempt_id,
            Declined(code=_CODE, text=reason, reason="manually_resolved"),
            resolved_by=resolved_by,
        )
        return
    if attempt.kind is AttemptKind.ISSUE_KEY:
        raise Conflict("key_cannot_be_resolved", attempt_id=attempt_id)
    approval = Approved(
        pg_tid=pg_tid,
        amount_krw=attempt.amount_krw,
        approved_at=attempt.sent_at,
        approval_no=None,
        card=Card(),
        receipt_url=None,
        code=_CODE,
        text=reason,
    )
    await record_outcome(
        engine,
        attempt.merchant_id,
        attempt.imp_uid,
        attempt.attempt_id,
        approval,
        resolved_by=resolved_by,
    )


async def _resolve_cancel_manually(
    engine: Engine, attempt: PaymentAttempt, pg_tid: str | None, reason: str, resolved_by: str
) -> None:
    payment = await payment_store.payment(engine.database, attempt.merchant_id, attempt.imp_uid)
    assert payment is not None, f"payment {attempt.imp_uid} is gone"
    outcome: Cancelled | Declined = (
        Declined(code=_CODE, text=reason, reason="manually_resolved")
        if pg_tid is None
        else Cancelled(
            cancel_tid=pg_tid,
            amount_krw=attempt.amount_krw,
            remain_krw=(attempt.remain_krw or attempt.amount_krw) - attempt.amount_krw,
            cancelled_at=engine.clock.now(),
            receipt_url=None,
            code=_CODE,
            text=reason,
        )
    )
    if attempt.is_reversal:
        await finish_reversal(engine, attempt, outcome)
    else:
        await record_cancel(engine, attempt, outcome, resolved_by=resolved_by)

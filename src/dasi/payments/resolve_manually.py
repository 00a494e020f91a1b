"""Decide: a person ends a doubt that the machine could not, with what the PG's own books say.

Only what was handed over may be decided: while the machine still asks, its answer comes first.
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

_CODE = "DECIDED"


async def decide(
    engine: Engine, attempt_id: str, *, pg_tid: str | None, who: str, why: str
) -> None:
    """Ends one doubt. `pg_tid`: it happened, under this number at the PG. None: it did not.

    `NotFound("unknown_doubt")`, `Conflict("doubt_still_asked")` while the machine is not done, and
    `Conflict("key_cannot_be_decided")` for a card registration that "happened": its key is nowhere
    to be had, so the payer must register again.
    """
    attempt = await attempt_store.handed_over_any_merchant(engine.database, attempt_id)
    if attempt is None:
        raise NotFound("unknown_doubt", attempt_id=attempt_id[:60])
    if attempt.handed_over_at is None:
        raise Conflict("doubt_still_asked", attempt_id=attempt_id, until=attempt.deadline_at)
    how = f"decided by {who}: {why}"
    if attempt.kind is AttemptKind.CANCEL:
        await _decide_cancel(engine, attempt, pg_tid, why, how)
        return
    if pg_tid is None:
        await record_outcome(
            engine,
            attempt.merchant_id,
            attempt.imp_uid,
            attempt.attempt_id,
            Declined(code=_CODE, text=why, reason="decided"),
            how=how,
        )
        return
    if attempt.kind is AttemptKind.ISSUE_KEY:
        raise Conflict("key_cannot_be_decided", attempt_id=attempt_id)
    approval = Approved(
        pg_tid=pg_tid,
        amount_krw=attempt.amount_krw,
        approved_at=attempt.sent_at,
        approval_no=None,
        card=Card(),
        receipt_url=None,
        code=_CODE,
        text=why,
    )
    await record_outcome(
        engine, attempt.merchant_id, attempt.imp_uid, attempt.attempt_id, approval, how=how
    )


async def _decide_cancel(
    engine: Engine, attempt: PaymentAttempt, pg_tid: str | None, why: str, how: str
) -> None:
    payment = await payment_store.payment(engine.database, attempt.merchant_id, attempt.imp_uid)
    assert payment is not None, f"payment {attempt.imp_uid} is gone"
    outcome: Cancelled | Declined = (
        Declined(code=_CODE, text=why, reason="decided")
        if pg_tid is None
        else Cancelled(
            cancel_tid=pg_tid,
            amount_krw=attempt.amount_krw,
            remain_krw=(attempt.remain_krw or attempt.amount_krw) - attempt.amount_krw,
            cancelled_at=engine.clock.now(),
            receipt_url=None,
            code=_CODE,
            text=why,
        )
    )
    if attempt.is_reversal:
        await finish_reversal(engine, attempt, outcome)
    else:
        await record_cancel(engine, attempt, outcome, how=how)

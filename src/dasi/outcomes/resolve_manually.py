"""Resolve an unknown outcome by hand, from the PG's admin pages.

Only an escalated attempt may be resolved by hand: while lookups run, their result comes first.
"""

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, NotFound
from dasi.ledger import attempt_store
from dasi.outcomes.resolve import record_resolution
from dasi.providers.port import Approved, AttemptKind, Cancelled, Card, Declined

_CODE = "MANUALLY_RESOLVED"


async def resolve_manually(
    engine: Engine, attempt_id: str, *, pg_tid: str | None, actor: str, reason: str
) -> None:
    """Resolve one attempt: approved at the PG under `pg_tid`, or with None not approved.

    `NotFound("unknown_attempt")`, `Conflict("not_escalated")` while lookups run, and
    `Conflict("key_cannot_be_resolved")` for an approved card registration: its key cannot be read
    back from the PG, so the payer must register again.
    """
    attempt = await attempt_store.unresolved_attempt_any_merchant(engine.database, attempt_id)
    if attempt is None:
        raise NotFound("unknown_attempt", attempt_id=attempt_id[:60])
    if attempt.escalated_at is None:
        raise Conflict("not_escalated", attempt_id=attempt_id, until=attempt.deadline_at)
    outcome: Approved | Cancelled | Declined
    if pg_tid is None:
        outcome = Declined(code=_CODE, text=reason, reason="manually_resolved")
    elif attempt.kind is AttemptKind.ISSUE_KEY:
        raise Conflict("key_cannot_be_resolved", attempt_id=attempt_id)
    elif attempt.kind is AttemptKind.CANCEL:
        outcome = Cancelled(
            cancel_tid=pg_tid,
            amount_krw=attempt.amount_krw,
            remain_krw=(attempt.remain_krw or attempt.amount_krw) - attempt.amount_krw,
            cancelled_at=engine.clock.now(),
            receipt_url=None,
            code=_CODE,
            text=reason,
        )
    else:
        outcome = Approved(
            pg_tid=pg_tid,
            amount_krw=attempt.amount_krw,
            approved_at=attempt.sent_at,
            approval_no=None,
            card=Card(),
            receipt_url=None,
            code=_CODE,
            text=reason,
        )
    await record_resolution(engine, attempt, outcome, resolved_by=f"resolved by {actor}: {reason}")

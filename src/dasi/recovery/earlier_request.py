"""Look up a request under its name before it is sent, while the database may have forgotten it."""

import structlog

from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Declined,
    Found,
    NotFound,
    NotSent,
    PgAccount,
    Provider,
    Unknown,
)

log = structlog.get_logger()


async def find_earlier_outcome(
    provider: Provider,
    account: PgAccount,
    attempt: Attempt,
    *,
    kind: AttemptKind,
    amount_krw: int,
) -> Approved | Declined | Unknown | None:
    """Return the outcome of a request of that name of yesterday or today; None if there is none.

    Every finding except a held approval of the same amount, a refusal or "not found" is Unknown.
    Then nothing is sent, the payment stays pending, and lookups or an operator resolve it.
    """
    finding = await provider.look_up(account, attempt, kind=kind, pg_order_id=None, amount_krw=None)
    log.info(
        "looked_up_before_sending", attempt_id=attempt.attempt_id, finding=type(finding).__name__
    )
    match finding:
        case NotFound():
            return None
        case Found(outcome=Approved(amount_krw=krw) as approval, state="held") if krw == amount_krw:
            return approval
        case Found(outcome=Declined() as decline):
            return decline
        case Found(outcome=outcome, state=state):
            return Unknown(
                why=f"the PG has an earlier request of this order: {state}",
                code=getattr(outcome, "code", None),
                text=getattr(outcome, "text", None),
            )
        case Unknown(why=detail) | NotSent(why=detail):
            return Unknown(why=f"the lookup before sending failed: {detail}")

"""Look up a request under its names before it is sent, while the database may have forgotten it."""

import asyncio

import structlog

from dasi.providers.port import (
    WRONG_DAY,
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

Finding = Found | NotFound | Unknown | NotSent


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
    finding = await look_up_all_names(
        provider, account, attempt, kind=kind, pg_order_id=None, amount_krw=None
    )
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


async def look_up_all_names(
    provider: Provider,
    account: PgAccount,
    attempt: Attempt,
    *,
    kind: AttemptKind,
    pg_order_id: str | None,
    amount_krw: int | None,
) -> Finding:
    """Look up a request, and the one that followed if the PG refused its day (`…-d`).

    The second one has an order number of its own, so that number is not compared with its record.
    """
    first = provider.look_up(
        account, attempt, kind=kind, pg_order_id=pg_order_id, amount_krw=amount_krw
    )
    if attempt.is_other_day or attempt.attempt_id.endswith("-d"):
        return await first
    second = provider.look_up(
        account,
        attempt.on_other_day(attempt.business_date),
        kind=kind,
        pg_order_id=None,
        amount_krw=amount_krw,
    )
    findings = await asyncio.gather(first, second)
    return min(findings, key=_rank)


def _rank(finding: Finding) -> int:
    """0: money was taken. 1: not known. 2: refused. 3: nothing came of it under this name."""
    match finding:
        case NotFound():
            return 3
        case Found(outcome=Declined(reason=reason)):
            return 3 if reason == WRONG_DAY else 2
        case Found() | Unknown(pg_tid=str()):
            return 0
        case _:
            return 1

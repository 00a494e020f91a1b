"""Check a card before charges are scheduled on it: charge a little and give it back at once.

What it charges is nobody's to keep. So the check is written down before it is charged and struck
out when nothing of it is left at the PG; what a dead process, a lost answer or an outage leaves
behind is given back by the worker.
"""

from datetime import timedelta

import structlog

from dasi.card_verifications import card_verification_store
from dasi.card_verifications.card_verification_store import CardVerification
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, NotFound, Refused, Unavailable
from dasi.foundation.ids import ulid
from dasi.ledger import ChargeDetails, Status
from dasi.payments import CancelRequest, ChargeRequest, cancel, charge
from dasi.reporting import find_by_order

log = structlog.get_logger()

BATCH = 20
_FIRST_LOOKUP, _LOOKUP_INTERVAL = timedelta(minutes=2), timedelta(minutes=10)
_LOOKUPS_MAX = 1_000
"""A week: longer than any doubt stays open without a person."""
_NOT_KEPT = (Status.CANCELLED, Status.FAILED)


async def verify_card(
    engine: Engine, merchant_id: int, *, customer_uid: str, amount_krw: int
) -> None:
    """Returns if the card took it.

    `Conflict("card_verification_failed")` with the PG's words if not, and
    `Conflict("order_in_doubt")` if nobody knows: if it was taken, it is given back later.
    """
    now = engine.clock.now()
    order = f"check-{ulid(now)}"
    await card_verification_store.insert_verification(
        engine.database, merchant_id, order, next_lookup_at=now + _FIRST_LOOKUP, now=now
    )
    payment = await charge(
        engine,
        merchant_id,
        ChargeRequest(
            customer_uid=customer_uid,
            details=ChargeDetails(
                merchant_uid=order, amount_krw=amount_krw, name="카드 확인 (즉시 취소)"
            ),
        ),
    )
    if payment.status is Status.PENDING:
        raise Conflict("order_in_doubt", merchant_uid=order, imp_uid=payment.imp_uid)
    if payment.status is Status.FAILED:
        await card_verification_store.delete_verification(engine.database, merchant_id, order)
        raise Conflict(
            "card_verification_failed", why=payment.fail_reason or "", imp_uid=payment.imp_uid
        )
    await _refund(engine, merchant_id, order)


async def refund_verifications(engine: Engine) -> int:
    """Gives back what checks left behind; how many were looked at. For the worker."""
    now = engine.clock.now()
    due = await card_verification_store.claim_due_any_merchant(
        engine.database, now=now, next_lookup_at=now + _LOOKUP_INTERVAL, batch=BATCH
    )
    for one in due:
        await _look_up(engine, one)
    return len(due)


async def _look_up(engine: Engine, verification: CardVerification) -> None:
    try:
        payment = await find_by_order(
            engine, verification.merchant_id, verification.merchant_uid, statuses=frozenset(Status)
        )
    except NotFound:
        # Its process died before it asked for anything.
        await card_verification_store.delete_verification(
            engine.database, verification.merchant_id, verification.merchant_uid
        )
        return
    if payment.status in _NOT_KEPT:
        await card_verification_store.delete_verification(
            engine.database, verification.merchant_id, verification.merchant_uid
        )
    elif payment.status is not Status.PENDING:
        await _refund(engine, verification.merchant_id, verification.merchant_uid)
    if verification.lookups >= _LOOKUPS_MAX:
        log.error("card_verification_not_refunded", imp_uid=payment.imp_uid)
        await card_verification_store.give_up(
            engine.database, verification.merchant_id, verification.merchant_uid
        )


async def _refund(engine: Engine, merchant_id: int, order: str) -> None:
    request = CancelRequest(
        imp_uid=None,
        merchant_uid=order,
        amount_krw=None,
        reason="예약 등록 카드 확인",
        actor="gateway",
    )
    try:
        await cancel(engine, merchant_id, request)
    except (Refused, Unavailable) as not_yet:
        # The card works, and that was the question. The worker gives it back.
        why = not_yet.reason if isinstance(not_yet, Refused) else not_yet.what
        log.warning("card_verification_not_refunded_yet", merchant_uid=order, why=why)
        return
    await card_verification_store.delete_verification(engine.database, merchant_id, order)

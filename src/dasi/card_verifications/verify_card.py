"""Verify a card before charges are scheduled on it: charge a small amount and refund it at once.

The verification is recorded before the charge and deleted after the refund. After a crash, a lost
answer or an outage the worker refunds the amount.
"""

from datetime import timedelta

import structlog

from dasi.cancels import CancelRequest, cancel
from dasi.card_verifications import card_verification_store
from dasi.card_verifications.card_verification_store import CardVerification
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, NotFound, Refused, Unavailable
from dasi.foundation.ids import ulid
from dasi.ledger import ChargeDetails, Status
from dasi.payments import ChargeRequest, charge
from dasi.reporting import find_by_order
from dasi.request_ids import begin_work

log = structlog.get_logger()

BATCH = 20
_FIRST_LOOKUP, _LOOKUP_INTERVAL = timedelta(minutes=2), timedelta(minutes=10)
_LOOKUPS_MAX = 1_000
"""A week: longer than any attempt stays unresolved without escalation."""
_NOTHING_TO_REFUND = (Status.CANCELLED, Status.FAILED)


async def verify_card(
    engine: Engine, merchant_id: int, *, customer_uid: str, amount_krw: int, is_sandbox: bool
) -> None:
    """Charge the card and refund it; return if the PG approved the charge.

    `is_sandbox` is the mode of the customer's key.

    `Conflict("card_verification_failed")` with the PG's text if it declined. If the outcome is
    unknown, `Conflict("order_in_doubt")`: the worker refunds an approval later.
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
            is_sandbox=is_sandbox,
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
    """Refund what earlier verifications left charged; return how many it read. For the worker."""
    now = engine.clock.now()
    due = await card_verification_store.claim_due_any_merchant(
        engine.database, now=now, next_lookup_at=now + _LOOKUP_INTERVAL, batch=BATCH
    )
    for verification in due:
        begin_work()
        await _refund_if_paid(engine, verification)
    return len(due)


async def _refund_if_paid(engine: Engine, verification: CardVerification) -> None:
    try:
        payment = await find_by_order(
            engine,
            verification.merchant_id,
            verification.merchant_uid,
            statuses=frozenset(Status),
            include_sandbox=True,
        )
    except NotFound:
        # Its process died before the charge was reserved.
        await card_verification_store.delete_verification(
            engine.database, verification.merchant_id, verification.merchant_uid
        )
        return
    if payment.status in _NOTHING_TO_REFUND:
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
        notify_merchant=True,  # as its charge did: else the merchant's records keep it as paid
        actor="gateway",
    )
    try:
        await cancel(engine, merchant_id, request)
    except (Refused, Unavailable) as error:
        # The card works, so the caller gets its success. The worker repeats the refund.
        cause = error.reason if isinstance(error, Refused) else error.service
        log.warning("card_verification_not_refunded_yet", merchant_uid=order, why=cause)
        return
    await card_verification_store.delete_verification(engine.database, merchant_id, order)

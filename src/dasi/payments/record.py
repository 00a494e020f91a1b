"""Record what the PG said: attempt, payment, event and webhook in one transaction (M9, W1).

Every verb that asked the PG about a payment ends here, and so does whoever settles a doubt later.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from dasi.billing_keys import Customer, save_issued_key
from dasi.engine import Engine
from dasi.events import enqueue_event
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Unavailable
from dasi.ledger import Payment, Status, assert_may_become, attempt_store, payment_store
from dasi.payments.notify import notify_extended, notify_failed
from dasi.providers.port import Approved, Declined, KeyIssued, NotSent, Unknown

log = structlog.get_logger()

Outcome = Approved | KeyIssued | Declined | Unknown | NotSent


@dataclass(frozen=True, slots=True)
class PaymentRef:
    merchant_id: int
    imp_uid: str
    merchant_uid: str


async def record_outcome(
    engine: Engine,
    merchant_id: int,
    imp_uid: str,
    attempt_id: str,
    outcome: Outcome,
    *,
    resolved_by: str | None = None,
) -> Payment:
    """Writes an outcome down and returns the payment as it is then.

    `resolved_by` becomes the event's detail: what resolved it later, None for a direct answer.

    An attempt is closed once: a second outcome for it changes nothing.
    """
    log_answer(merchant_id, imp_uid, attempt_id, outcome)
    async with engine.database.transaction() as connection:
        payment = await payment_store.payment_for_update(connection, merchant_id, imp_uid)
        if not await attempt_store.close_attempt(
            connection, merchant_id, attempt_id, outcome, now=engine.clock.now()
        ):
            # Somebody settled this attempt while we waited: theirs is the record, ours is late.
            return payment
        match outcome:
            case Approved() | KeyIssued():
                return await _record_approval(
                    engine, connection, payment, attempt_id, outcome, resolved_by=resolved_by
                )
            case Declined() | NotSent():
                return await _record_failure(
                    engine, connection, payment, attempt_id, outcome, resolved_by=resolved_by
                )
            case Unknown():
                return await _record_unknown(engine, connection, payment, attempt_id, outcome)


def log_answer(merchant_id: int, imp_uid: str, attempt_id: str, outcome: Outcome) -> None:
    """One line for every answer of a PG."""
    log.info(
        "pg_answered",
        merchant_id=merchant_id,
        imp_uid=imp_uid,
        attempt_id=attempt_id,
        outcome=type(outcome).__name__,
        why=getattr(outcome, "why", None),
        pg_code=getattr(outcome, "code", None),
        pg_text=getattr(outcome, "text", None),
    )


async def _record_approval(
    engine: Engine,
    connection: Connection,
    payment: Payment,
    attempt_id: str,
    outcome: Approved | KeyIssued,
    *,
    resolved_by: str | None,
) -> Payment:
    assert_may_become(payment.status, Status.PAID)
    now = engine.clock.now()
    if isinstance(outcome, KeyIssued):
        assert payment.customer_uid is not None, f"{payment.imp_uid} issued a key for nobody"
        await save_issued_key(
            engine,
            connection,
            payment.merchant_id,
            customer_uid=payment.customer_uid,
            channel_id=payment.channel_id,
            issued=outcome,
            order_name=payment.name,
            customer=Customer(
                customer_id=await payment_store.window_customer_id(connection, payment),
                name=payment.buyer.name,
                tel=payment.buyer.tel,
                email=payment.buyer.email,
                addr=payment.buyer.addr,
                postcode=payment.buyer.postcode,
            ),
            # Found only now, and the customer was removed while nobody knew.
            discard_key=resolved_by is not None
            and await attempt_store.must_discard_key(connection, payment.merchant_id, attempt_id),
            now=now,
        )
    paid = await payment_store.mark_paid(connection, payment, outcome, now=now)
    await payment_store.record_event(
        connection,
        paid,
        event_type="key_issued" if isinstance(outcome, KeyIssued) else "approved",
        actor=payment.provider,
        created_at=now,
        detail=resolved_by,
        attempt_id=attempt_id,
        pg_code=outcome.code,
        pg_text=outcome.text,
    )
    await enqueue_event(
        connection,
        paid.merchant_id,
        imp_uid=paid.imp_uid,
        merchant_uid=paid.merchant_uid,
        channel_id=paid.channel_id,
        version=paid.version,
        status="paid",
        notice_urls=paid.notice_urls,
        now=now,
    )
    if resolved_by is not None:
        await notify_extended(connection, paid, "payment.resolved", "paid", now=now)
    return paid


async def _record_failure(
    engine: Engine,
    connection: Connection,
    payment: Payment,
    attempt_id: str,
    outcome: Declined | NotSent,
    *,
    resolved_by: str | None,
) -> Payment:
    assert_may_become(payment.status, Status.FAILED)
    now = engine.clock.now()
    if isinstance(outcome, Declined):
        what, code, why = "declined", outcome.code, outcome.text
    else:
        what, code, why = "not_sent", "NOT_SENT", "PG에 연결하지 못했습니다. 청구되지 않았습니다."
    failed = await payment_store.mark_failed(connection, payment, code=code, reason=why, now=now)
    await payment_store.record_event(
        connection,
        failed,
        event_type=what,
        actor=payment.provider if isinstance(outcome, Declined) else "gateway",
        created_at=now,
        detail=resolved_by or (outcome.reason if isinstance(outcome, Declined) else outcome.why),
        attempt_id=attempt_id,
        pg_code=outcome.code if isinstance(outcome, Declined) else None,
        pg_text=outcome.text if isinstance(outcome, Declined) else None,
    )
    if isinstance(outcome, Declined):
        await notify_failed(connection, failed, is_late=resolved_by is not None, now=now)
    if resolved_by is not None:
        await notify_extended(connection, failed, "payment.resolved", "failed", now=now)
    return failed


async def _record_unknown(
    engine: Engine,
    connection: Connection,
    payment: Payment,
    attempt_id: str,
    outcome: Unknown,
) -> Payment:
    """The payment stays pending and the order stays taken; the event says what is not known."""
    now = engine.clock.now()
    await notify_extended(connection, payment, "payment.unresolved", "ready", now=now)
    await payment_store.record_event(
        connection,
        payment,
        event_type="outcome_unknown",
        actor="gateway",
        created_at=now,
        detail=outcome.why,
        attempt_id=attempt_id,
        pg_code=outcome.code,
        pg_text=outcome.text,
    )
    return payment


async def record_or_in_doubt(
    engine: Engine, payment_ref: PaymentRef, attempt_id: str, outcome: Outcome
) -> Payment:
    """`record_outcome`, or `Conflict("order_in_doubt")` if the database goes away just then.

    The answer in our hand is lost with the process, but the committed attempt is not: it stays
    `sending`, keeps the order taken, and the PG is asked about it later.
    """
    with in_doubt_on_db_failure(payment_ref, attempt_id):
        return await record_outcome(
            engine, payment_ref.merchant_id, payment_ref.imp_uid, attempt_id, outcome
        )


@contextmanager
def in_doubt_on_db_failure(payment_ref: PaymentRef, attempt_id: str) -> Iterator[None]:
    """Where the PG's answer is written down: a database that goes away leaves a doubt."""
    try:
        yield
    except Unavailable as lost:
        log.exception("answer_not_recorded", imp_uid=payment_ref.imp_uid, attempt_id=attempt_id)
        raise Conflict(
            "order_in_doubt", merchant_uid=payment_ref.merchant_uid, imp_uid=payment_ref.imp_uid
        ) from lost

"""Record what the PG answered: attempt, payment, event and webhook in one transaction (M9, W1).

Every operation that sends a request for a payment ends here, and so does every lookup and manual
resolution of an unknown outcome.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from msgspec import structs
from prometheus_client import Counter

from dasi.billing_keys import Customer, save_issued_key
from dasi.engine import Engine
from dasi.events import notify_workers
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Unavailable
from dasi.foundation.ids import ulid
from dasi.ledger import (
    Payment,
    Status,
    assert_may_become,
    attempt_store,
    key_attempt_store,
    payment_store,
)
from dasi.outcomes import approval_store
from dasi.outcomes.approval_store import ApprovalRow
from dasi.outcomes.notify import notify, notify_extended, notify_failed
from dasi.payment_events import PaymentFacts, new_event
from dasi.providers.port import Approved, Declined, KeyIssued, NotSent, Unknown

log = structlog.get_logger()

Outcome = Approved | KeyIssued | Declined | Unknown | NotSent
_OUTCOMES = Counter(
    "dasi_payment_outcomes_total",
    "Outcomes of charges, payments in the window and card registrations; a lookup adds one",
    ["outcome"],
)
# Made at the start, so that a rate is known from the first outcome on.
_COUNTER_OF = {
    Approved: _OUTCOMES.labels("approved"),
    KeyIssued: _OUTCOMES.labels("key_issued"),
    Declined: _OUTCOMES.labels("declined"),
    Unknown: _OUTCOMES.labels("unknown"),
    NotSent: _OUTCOMES.labels("not_sent"),
}


async def record_charge(
    engine: Engine, reserved: PaymentFacts, attempt_id: str, outcome: Outcome, *, actor: str
) -> Payment:
    """Record the direct answer to a charge and return the payment.

    Approvals of one moment share a statement and a commit; every other answer is rare and has a
    transaction of its own. `reserved`: the payment's row before. `actor` is the provider that
    answered. `Conflict("order_in_doubt")` if the database goes away meanwhile.
    """
    if isinstance(outcome, Approved):
        _log_answer(reserved.merchant_id, reserved.imp_uid, attempt_id, outcome)
        with in_doubt_on_db_failure(reserved, attempt_id):
            row = _approval_row(
                engine, reserved, attempt_id, outcome, actor=actor, resolved_by=None
            )
            paid = await engine.database.run_batched(approval_store.record_approvals_batched, row)
        if paid is not None:
            notify_workers(engine.database)
            return paid
        # Another process resolved this attempt, or wrote to this payment, at the same time.
    return await record_or_in_doubt(engine, reserved, attempt_id, outcome)


async def record_outcome(
    engine: Engine,
    merchant_id: int,
    imp_uid: str,
    attempt_id: str,
    outcome: Outcome,
    *,
    resolved_by: str | None = None,
) -> Payment:
    """Record the outcome of an attempt and return the payment.

    `resolved_by` becomes the event's detail: what resolved it later, None for a direct answer.
    An attempt is closed once: a second outcome for it changes nothing.
    """
    _log_answer(merchant_id, imp_uid, attempt_id, outcome)
    async with engine.database.transaction() as connection:
        payment = await payment_store.payment_for_update(connection, merchant_id, imp_uid)
        if isinstance(outcome, Approved):
            recorded = await _record_approval(
                engine, connection, payment, attempt_id, outcome, resolved_by=resolved_by
            )
        else:
            recorded = await _record_other(
                engine, connection, payment, attempt_id, outcome, resolved_by=resolved_by
            )
    if isinstance(outcome, Approved):
        notify_workers(engine.database)
    return recorded


def _log_answer(merchant_id: int, imp_uid: str, attempt_id: str, outcome: Outcome) -> None:
    _COUNTER_OF[type(outcome)].inc()
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
    approval: Approved,
    *,
    resolved_by: str | None,
) -> Payment:
    """Record an approval of a locked payment; a closed attempt leaves the payment as it is.

    If it was closed as failed, a lookup follows at once and reverses what the PG holds (M6).
    """
    now = engine.clock.now()
    row = _approval_row(
        engine, payment.facts, attempt_id, approval, actor=payment.provider, resolved_by=resolved_by
    )
    (paid,) = await approval_store.record_approvals(connection, [row])
    if paid is None:
        if await attempt_store.is_open(connection, payment.merchant_id, attempt_id):
            assert_may_become(payment.status, Status.PAID)
        elif await attempt_store.look_up_failed(
            connection, payment.merchant_id, attempt_id, now=now
        ):
            log.error("approval_after_failure", imp_uid=payment.imp_uid, pg_tid=approval.pg_tid)
            await payment_store.record_event(
                connection,
                payment,
                vault=engine.vault,
                event_type="approval_after_failure",
                actor=payment.provider,
                created_at=now,
                attempt_id=attempt_id,
                outcome=approval,
            )
        return payment
    return paid


def _approval_row(
    engine: Engine,
    before: PaymentFacts,
    attempt_id: str,
    approval: Approved,
    *,
    actor: str,
    resolved_by: str | None,
) -> ApprovalRow:
    now, paid = engine.clock.now(), before.after(approval)
    event = new_event(
        engine.vault.mac_keys,
        paid,
        event_type="approved",
        actor=actor,
        created_at=now,
        detail=resolved_by,
        attempt_id=attempt_id,
        pg_code=approval.code,
        pg_text=approval.text,
        pg_tid=approval.pg_tid,
    )
    card = paid.details
    return ApprovalRow(
        **structs.asdict(event),
        approval_no=card.approval_no,
        card_brand=card.card_brand,
        card_name=card.card_name,
        card_issuer_code=card.card_issuer_code,
        card_number=card.card_number,
        card_kind=card.card_kind,
        card_quota=card.card_quota,
        can_cancel_in_part=card.can_cancel_in_part,
        receipt_url=card.receipt_url,
        approved_at=approval.approved_at,
        paid_event_id=f"evt_{ulid(now)}",
        resolved_event_id=None if resolved_by is None else f"evt_{ulid(now)}",
        exchanges=attempt_store.encode_exchange(approval),
    )


async def _record_other(
    engine: Engine,
    connection: Connection,
    payment: Payment,
    attempt_id: str,
    outcome: KeyIssued | Declined | Unknown | NotSent,
    *,
    resolved_by: str | None,
) -> Payment:
    """Record an outcome that is no approval of money; a closed attempt leaves the payment as is."""
    if not await attempt_store.close_attempt(
        connection, payment.merchant_id, attempt_id, outcome, now=engine.clock.now()
    ):
        return payment
    match outcome:
        case KeyIssued():
            return await _record_issued_key(
                engine, connection, payment, attempt_id, outcome, resolved_by=resolved_by
            )
        case Declined() | NotSent():
            return await _record_failure(
                engine, connection, payment, attempt_id, outcome, resolved_by=resolved_by
            )
        case Unknown():
            return await _record_unknown(engine, connection, payment, attempt_id, outcome)


async def _record_issued_key(
    engine: Engine,
    connection: Connection,
    payment: Payment,
    attempt_id: str,
    issued: KeyIssued,
    *,
    resolved_by: str | None,
) -> Payment:
    assert_may_become(payment.status, Status.PAID)
    assert payment.customer_uid is not None, f"{payment.imp_uid} issued a key without a customer"
    now = engine.clock.now()
    await save_issued_key(
        engine,
        connection,
        payment.merchant_id,
        customer_uid=payment.customer_uid,
        channel_id=payment.channel_id,
        issued=issued,
        order_name=payment.name,
        customer=Customer(
            customer_id=await payment_store.window_customer_id(connection, payment),
            name=payment.buyer.name,
            tel=payment.buyer.tel,
            email=payment.buyer.email,
            addr=payment.buyer.addr,
            postcode=payment.buyer.postcode,
        ),
        # The merchant may have removed the customer while the outcome was unknown.
        discard_key=resolved_by is not None
        and await key_attempt_store.must_discard_key(connection, payment.merchant_id, attempt_id),
        now=now,
    )
    paid = await payment_store.mark_paid(connection, payment, issued, now=now)
    await payment_store.record_event(
        connection,
        paid,
        vault=engine.vault,
        event_type="key_issued",
        actor=payment.provider,
        created_at=now,
        detail=resolved_by,
        attempt_id=attempt_id,
        outcome=issued,
    )
    await notify(connection, paid, "paid", notice_urls=paid.notice_urls, now=now)
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
        event_type, code, reason = "declined", outcome.code, outcome.text
    else:
        event_type, code = "not_sent", "NOT_SENT"
        reason = "PG에 연결하지 못했습니다. 청구되지 않았습니다."
    failed = await payment_store.mark_failed(connection, payment, code=code, reason=reason, now=now)
    await payment_store.record_event(
        connection,
        failed,
        vault=engine.vault,
        event_type=event_type,
        actor=payment.provider if isinstance(outcome, Declined) else "gateway",
        created_at=now,
        detail=resolved_by or (outcome.reason if isinstance(outcome, Declined) else outcome.why),
        attempt_id=attempt_id,
        outcome=outcome,
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
    """Record that the outcome is unknown: the payment stays pending and keeps its order."""
    now = engine.clock.now()
    await notify_extended(connection, payment, "payment.unresolved", "ready", now=now)
    await payment_store.record_event(
        connection,
        payment,
        vault=engine.vault,
        event_type="outcome_unknown",
        actor="gateway",
        created_at=now,
        detail=outcome.why,
        attempt_id=attempt_id,
        outcome=outcome,
    )
    return payment


async def record_or_in_doubt(
    engine: Engine, payment: Payment | PaymentFacts, attempt_id: str, outcome: Outcome
) -> Payment:
    """Record an outcome and return the payment; `Conflict("order_in_doubt")` without a database.

    The answer is lost with the process. The committed attempt is not: it stays `sending`, keeps
    the order taken, and the worker looks it up at the PG later.
    """
    with in_doubt_on_db_failure(payment, attempt_id):
        return await record_outcome(
            engine, payment.merchant_id, payment.imp_uid, attempt_id, outcome
        )


@contextmanager
def in_doubt_on_db_failure(payment: Payment | PaymentFacts, attempt_id: str) -> Iterator[None]:
    """Raise `Conflict("order_in_doubt")` if the database goes away while an answer is recorded."""
    try:
        yield
    except Unavailable as error:
        log.exception("answer_not_recorded", imp_uid=payment.imp_uid, attempt_id=attempt_id)
        raise Conflict(
            "order_in_doubt", merchant_uid=payment.merchant_uid, imp_uid=payment.imp_uid
        ) from error

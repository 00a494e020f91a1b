"""Resolve attempts of unknown outcome by lookups, never by repeating them (M4, M5, M6).

An unresolved attempt has no known answer: `sending`, because a process died with it, or
`unknown`, because the answer was lost or failed a check. Each has a next lookup and a deadline;
past its deadline it is escalated. A late answer and a lookup may resolve the same attempt at the
same time: `record_outcome` records only the first.
"""

import asyncio
from datetime import timedelta
from functools import partial

import structlog
from prometheus_client import Counter

from dasi.channels import Channel, find_channel, open_account
from dasi.engine import Engine
from dasi.foundation import errors
from dasi.foundation.errors import Refused, Unavailable
from dasi.ledger import (
    Payment,
    PaymentAttempt,
    Status,
    attempt_store,
    find_payment,
    lookup_backoff,
    payment_store,
)
from dasi.outcomes.record import record_outcome
from dasi.outcomes.record_cancel import record_cancel
from dasi.outcomes.reverse import finish_reversal, reverse
from dasi.providers.port import (
    Approved,
    AttemptKind,
    Cancelled,
    Declined,
    Exchange,
    Found,
    KeyIssued,
    NotFound,
    NotSent,
    Unknown,
)
from dasi.recovery import look_up_all_names, recovery_state
from dasi.request_ids import begin_work

log = structlog.get_logger()

BATCH = 20
_LEASE = timedelta(seconds=90)
_LATE_APPROVAL_LOOKUPS_MAX = 5
_MONEY_KINDS = (AttemptKind.APPROVE, AttemptKind.CHARGE)
_RESOLVED = Counter(
    "dasi_unresolved_attempts_resolved_total",
    "Unresolved attempts that were resolved, by result",
    ["result"],
)
_ESCALATED = Counter(
    "dasi_unresolved_attempts_escalated_total", "Attempts escalated to manual review"
)
_MISMATCHES = Counter("dasi_amount_mismatches_total", "Approvals of another amount than requested")

Finding = Found | NotFound | Unknown | NotSent


async def resolve_due(engine: Engine, *, only_merchant_id: int | None = None) -> int:
    """Look up the attempts that are due and return their number.

    For the worker, and for a merchant whose test clock is advanced.
    """
    now = engine.clock.now()
    claimed = await attempt_store.claim_lookups_any_merchant(
        engine.database,
        now=now,
        leased_until=now + _LEASE,
        batch=BATCH,
        only_merchant_id=only_merchant_id,
    )
    await asyncio.gather(*(_look_up_claimed(engine, attempt) for attempt in claimed))
    return len(claimed)


async def resolve_inline(engine: Engine, payment: Payment, attempt_id: str) -> Payment:
    """Look up once while the caller waits, if the outcome is unknown and the setting allows it."""
    if payment.status is not Status.PENDING or engine.inline_lookup_delay_s <= 0:
        return payment
    await asyncio.sleep(engine.inline_lookup_delay_s)
    try:
        attempt = await attempt_store.attempt(engine.database, payment.merchant_id, attempt_id)
        await lookup_attempt(engine, attempt)
        return await find_payment(engine, payment.merchant_id, payment.imp_uid)
    except Unavailable as error:
        # The attempt is recorded and the worker looks it up: the caller gets the pending payment.
        log.warning("inline_lookup_failed", imp_uid=payment.imp_uid, what=error.service)
        return payment


async def resolve_cancel_inline(
    engine: Engine, payment: Payment, attempt_id: str
) -> Payment | None:
    """Look up a cancel once, as `resolve_inline`, and return its payment; None if still unknown.

    `Refused("pg_refused_cancel")` if the PG declined it.
    """
    if engine.inline_lookup_delay_s > 0:
        await asyncio.sleep(engine.inline_lookup_delay_s)
        attempt = await attempt_store.attempt(engine.database, payment.merchant_id, attempt_id)
        await lookup_attempt(engine, attempt)
    attempt = await attempt_store.attempt(engine.database, payment.merchant_id, attempt_id)
    if attempt.state == "declined":
        raise Refused(
            "pg_refused_cancel", imp_uid=payment.imp_uid, code=attempt.pg_code, text=attempt.pg_text
        )
    if attempt.state != "approved":
        return None
    return await find_payment(engine, payment.merchant_id, payment.imp_uid)


async def lookup_now(engine: Engine, merchant_id: int, attempt_id: str) -> str:
    """Look up one unresolved attempt now, before its time, and return its state.

    `NotFound("already_resolved")` if the attempt is resolved.
    """
    if not await attempt_store.is_unresolved(engine.database, merchant_id, attempt_id):
        raise errors.NotFound("already_resolved")
    await lookup_attempt(
        engine, await attempt_store.attempt(engine.database, merchant_id, attempt_id)
    )
    attempt = await attempt_store.attempt(engine.database, merchant_id, attempt_id)
    return attempt.state


async def _look_up_claimed(engine: Engine, attempt: PaymentAttempt) -> None:
    begin_work()  # each runs in an asyncio task of its own
    await lookup_attempt(engine, attempt)


async def lookup_attempt(engine: Engine, attempt: PaymentAttempt) -> None:
    """Look up one attempt at the PG and record, postpone or reverse it by the finding."""
    if attempt.state == "approved":
        await attempt_store.schedule_lookup(
            engine.database, attempt.merchant_id, attempt.attempt_id, at=None, detail=None
        )
        return
    channel = await find_channel(engine, attempt.merchant_id, attempt.channel_id)
    provider = engine.providers[channel.provider]
    look_up = provider.look_up
    if attempt.kind in _MONEY_KINDS and (await recovery_state(engine.database)).mode != "normal":
        look_up = partial(look_up_all_names, provider)
    finding = await look_up(
        open_account(engine, channel),
        attempt.reference,
        kind=attempt.kind,
        pg_order_id=attempt.pg_order_id,
        amount_krw=attempt.amount_krw,
    )
    log.info(
        "attempt_looked_up",
        merchant_id=attempt.merchant_id,
        imp_uid=attempt.imp_uid,
        attempt_id=attempt.attempt_id,
        kind=attempt.kind.value,
        look=attempt.lookups,
        finding=type(finding).__name__,
        why=getattr(finding, "why", None),
    )
    if attempt.state in ("declined", "not_sent"):
        await _handle_late_approval(engine, attempt, finding)
    elif attempt.kind is AttemptKind.CANCEL:
        await _resolve_cancel(engine, attempt, channel, finding)
    else:
        await _resolve_approval(engine, attempt, channel, finding)


async def _resolve_approval(
    engine: Engine, attempt: PaymentAttempt, channel: Channel, finding: Finding
) -> None:
    match finding:
        case Found(outcome=(Approved() | KeyIssued()) as approval, state="held"):
            await _keep_or_reverse(engine, attempt, channel, approval)
        case Found(outcome=Approved(exchange=exchange), state="cancelled"):
            text = "PG사에서 승인이 취소되었습니다."
            await _fail(engine, attempt, "CANCELLED_AT_PG", text, exchange)
        case Found(outcome=Declined() as decline):
            _RESOLVED.labels("declined").inc()
            await record_resolution(engine, attempt, decline, resolved_by="looked_up")
        case Found():
            await _escalate(engine, attempt, f"the PG holds it as {finding.state}")
        case NotFound(exchange=exchange) if _is_past_processing(engine, attempt):
            await _fail(
                engine, attempt, "NOT_FOUND_AT_PG", "PG사에 승인 기록이 없습니다.", exchange
            )
        case NotFound():
            await _postpone(engine, attempt, "the PG knows nothing of it yet")
        case Unknown(pg_tid=str(), exchange=exchange) if attempt.kind is AttemptKind.ISSUE_KEY:
            # The key exists and cannot be read back: it cannot be charged, and nothing was.
            text = "카드 등록 결과를 받지 못했습니다. 다시 등록해 주세요."
            await _fail(engine, attempt, "KEY_NOT_SHOWN", text, exchange)
        case Unknown(pg_tid=str() as pg_tid, amount_krw=int() as taken_krw) if taken_krw not in (
            0,
            attempt.amount_krw,
        ):
            await _handle_other_amount(engine, attempt, finding, pg_tid, taken_krw)
        case Unknown(why=detail) | NotSent(why=detail):
            await _postpone(engine, attempt, detail)


async def _handle_other_amount(
    engine: Engine, attempt: PaymentAttempt, approval: Unknown, pg_tid: str, taken_krw: int
) -> None:
    """M7: reverse an approval of another amount at once; escalate that of an earlier request."""
    _MISMATCHES.inc()
    log.error("amount_mismatch", imp_uid=attempt.imp_uid, asked_krw=attempt.amount_krw)
    detail = f"승인 금액 불일치: 요청 {attempt.amount_krw}원, 승인 {taken_krw}원"
    if approval.executed_at is not None and attempt.is_younger_than(approval.executed_at):
        await _escalate(engine, attempt, detail)
    else:
        await reverse(engine, attempt, pg_tid=pg_tid, amount_krw=taken_krw, reason=detail)


async def _keep_or_reverse(
    engine: Engine, attempt: PaymentAttempt, channel: Channel, approval: Approved | KeyIssued
) -> None:
    if (
        isinstance(approval, KeyIssued)
        or channel.late_approval_policy == "keep"
        or attempt.is_younger_than(approval.approved_at)
    ):
        _RESOLVED.labels("approved").inc()
        await record_resolution(engine, attempt, approval, resolved_by="looked_up")
    elif engine.clock.now() - attempt.sent_at < lookup_backoff.REQUEST_MAX:
        # The request may still be under way and its caller may get "paid": too early to reverse.
        await _postpone(engine, attempt, "approved at the PG; the request may still be under way")
    else:
        await reverse(
            engine,
            attempt,
            pg_tid=approval.pg_tid,
            amount_krw=approval.amount_krw,
            reason="결과를 제때 알려드리지 못해 승인을 취소했습니다.",
        )


async def _handle_late_approval(engine: Engine, attempt: PaymentAttempt, finding: Finding) -> None:
    """Reverse an approval that is found after the payment failed (M6).

    A PG notification leads here when it contradicts a recorded failure.
    """
    match finding:
        case Found(outcome=Approved() as approval, state="held"):
            log.error("approval_after_failure", imp_uid=attempt.imp_uid, pg_tid=approval.pg_tid)
            await reverse(
                engine,
                attempt,
                pg_tid=approval.pg_tid,
                amount_krw=approval.amount_krw,
                reason="실패로 알려드린 뒤 승인이 확인되어 취소했습니다.",
            )
        case _:
            is_final = isinstance(finding, Found) or attempt.lookups >= _LATE_APPROVAL_LOOKUPS_MAX
            now = engine.clock.now()
            at = None if is_final else lookup_backoff.next_lookup_at(now, now)
            await attempt_store.schedule_lookup(
                engine.database, attempt.merchant_id, attempt.attempt_id, at=at, detail=None
            )


async def _resolve_cancel(
    engine: Engine, attempt: PaymentAttempt, channel: Channel, finding: Finding
) -> None:
    match finding:
        case Found(outcome=(Cancelled() | Declined()) as outcome):
            await record_resolution(engine, attempt, outcome, resolved_by="looked_up")
        case NotFound(exchange=exchange) if _is_past_processing(engine, attempt):
            await _resolve_lost_cancel(engine, attempt, channel, exchange)
        case NotFound():
            await _postpone(engine, attempt, "the PG knows nothing of this cancel yet")
        case Unknown(why=detail) | NotSent(why=detail):
            await _postpone(engine, attempt, detail)
        case Found():
            await _escalate(engine, attempt, f"the PG holds it as {finding.state}")


async def _resolve_lost_cancel(
    engine: Engine, attempt: PaymentAttempt, channel: Channel, exchange: Exchange | None
) -> None:
    """Resolve a cancel that the PG cannot find, from the state of the original approval (§12.3).

    An unchanged original: the cancel did not happen and may be repeated. An original with changes
    that this cancel may or may not explain: escalate.
    """
    original = await attempt_store.approval_of(
        engine.database, attempt.merchant_id, attempt.imp_uid
    )
    assert original is not None, f"payment {attempt.imp_uid} is cancelled without an approval"
    finding = await engine.providers[channel.provider].look_up(
        open_account(engine, channel),
        original.reference,
        kind=original.kind,
        pg_order_id=original.pg_order_id,
        amount_krw=original.amount_krw,
    )
    payment = await payment_store.payment(engine.database, attempt.merchant_id, attempt.imp_uid)
    assert payment is not None, f"payment {attempt.imp_uid} is gone"
    match finding:
        case Found(state="partly_cancelled") if payment.cancelled_krw == 0:
            await _escalate(engine, attempt, "the PG shows a partial cancel that it cannot name")
        case Found(state="partly_cancelled"):
            await _escalate(engine, attempt, "earlier partial cancels hide whether it happened")
        case Found(state="cancelled"):
            await _escalate(engine, attempt, "the PG shows a full cancel that it cannot name")
        case Unknown() | NotSent() if original.deadline_at > engine.clock.now():
            await _postpone(engine, attempt, "the original could not be looked up")
        case _:
            text = "PG사에 취소 기록이 없습니다."
            decline = Declined(code="NOT_FOUND_AT_PG", text=text, exchange=exchange)
            await record_resolution(engine, attempt, decline, resolved_by="looked_up")


async def record_resolution(
    engine: Engine,
    attempt: PaymentAttempt,
    outcome: Approved | KeyIssued | Cancelled | Declined,
    *,
    resolved_by: str,
) -> None:
    """Record the final outcome of an unresolved attempt, by its kind."""
    match outcome:
        case (Cancelled() | Declined()) as cancel if attempt.is_reversal:
            await finish_reversal(engine, attempt, cancel)
        case (Cancelled() | Declined()) as cancel if attempt.kind is AttemptKind.CANCEL:
            await record_cancel(engine, attempt, cancel, resolved_by=resolved_by)
        case Cancelled():
            raise AssertionError(f"{attempt.attempt_id} is no cancel")
        case _:
            await record_outcome(
                engine,
                attempt.merchant_id,
                attempt.imp_uid,
                attempt.attempt_id,
                outcome,
                resolved_by=resolved_by,
            )


async def _fail(
    engine: Engine, attempt: PaymentAttempt, code: str, text: str, exchange: Exchange | None
) -> None:
    _RESOLVED.labels("failed").inc()
    decline = Declined(code=code, text=text, reason="not_approved", exchange=exchange)
    await record_resolution(engine, attempt, decline, resolved_by="looked_up")


def _is_past_processing(engine: Engine, attempt: PaymentAttempt) -> bool:
    if not engine.readiness.is_clock_right:
        return False
    now = engine.clock.now()
    is_over = attempt.state != "sending" or now - attempt.sent_at >= lookup_backoff.REQUEST_MAX
    return is_over and now - attempt.effective_sent_at >= lookup_backoff.PG_PROCESSING_MAX


async def _postpone(engine: Engine, attempt: PaymentAttempt, detail: str) -> None:
    now = engine.clock.now()
    if now >= attempt.deadline_at:
        await _escalate(engine, attempt, detail)
        return
    at = min(
        lookup_backoff.next_lookup_at(attempt.effective_sent_at, now), max(attempt.deadline_at, now)
    )
    await attempt_store.schedule_lookup(
        engine.database, attempt.merchant_id, attempt.attempt_id, at=at, detail=detail
    )


async def _escalate(engine: Engine, attempt: PaymentAttempt, detail: str) -> None:
    """Escalate to manual review; the order stays taken until an operator resolves it."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        payment = await payment_store.payment_for_update(
            connection, attempt.merchant_id, attempt.imp_uid
        )
        if not await attempt_store.escalate(
            connection, attempt.merchant_id, attempt.attempt_id, detail=detail, now=now
        ):
            return
        await payment_store.record_event(
            connection,
            payment,
            vault=engine.vault,
            event_type="escalated",
            actor="gateway",
            created_at=now,
            amount_krw=attempt.amount_krw,
            detail=detail,
            attempt_id=attempt.attempt_id,
        )
    _ESCALATED.inc()
    log.error(
        "attempt_escalated", imp_uid=attempt.imp_uid, attempt_id=attempt.attempt_id, why=detail
    )

"""Reconcile: settle doubts by asking, never by repeating (M4, M5, M6).

A doubt is an attempt whose answer is not known: `sending`, because a process died with it, or
`unknown`, because the answer was lost or failed a check. Each has its next look and its deadline;
what cannot be settled in time goes to a person. A late answer and a look may settle the same
attempt at once: `record_outcome` lets the first one through.
"""

import asyncio
from datetime import timedelta

import structlog
from prometheus_client import Counter

from dasi.channels import Channel, find_channel, open_mall
from dasi.engine import Engine
from dasi.foundation.errors import NotFound as UnknownThing
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
from dasi.payments.record import record_outcome
from dasi.payments.record_cancel import record_cancel
from dasi.payments.reverse import finish_reversal, reverse
from dasi.providers.exchange import Exchange
from dasi.providers.port import (
    Approved,
    AttemptKind,
    Cancelled,
    Declined,
    Found,
    KeyIssued,
    NotFound,
    NotSent,
    Unknown,
)
from dasi.reporting import is_doubt

log = structlog.get_logger()

BATCH = 20
_LEASE = timedelta(seconds=90)
_SURPRISE_LOOKS_MAX = 5
_SETTLED = Counter("dasi_doubts_settled_total", "Doubts that ended, by how", ["how"])
_HANDED_OVER = Counter("dasi_doubts_handed_over_total", "Doubts given to a person")
_MISMATCHES = Counter("dasi_amount_mismatches_total", "Approvals of another amount than asked")

Finding = Found | NotFound | Unknown | NotSent


async def reconcile_due(engine: Engine, *, only_merchant_id: int | None = None) -> int:
    """Looks at attempts whose time has come; returns at how many. For the worker, and for a
    merchant whose clock is turned."""
    now = engine.clock.now()
    claimed = await attempt_store.claim_looks_any_merchant(
        engine.database,
        now=now,
        leased_until=now + _LEASE,
        batch=BATCH,
        only_merchant_id=only_merchant_id,
    )
    await asyncio.gather(*(look_at(engine, attempt) for attempt in claimed))
    return len(claimed)


async def settle_on_the_spot(engine: Engine, payment: Payment, attempt_id: str) -> Payment:
    """One look while the caller still waits, when there is a doubt and the setting allows it."""
    if payment.status is not Status.PENDING or engine.look_before_answer_s <= 0:
        return payment
    await asyncio.sleep(engine.look_before_answer_s)
    try:
        attempt = await attempt_store.attempt(engine.database, payment.merchant_id, attempt_id)
        await look_at(engine, attempt)
        return await find_payment(engine, payment.merchant_id, payment.imp_uid)
    except Unavailable as lost:
        # The doubt is on record and the worker has it: that is what the caller is told.
        log.warning("no_look_on_the_spot", imp_uid=payment.imp_uid, what=lost.what)
        return payment


async def settle_cancel_on_the_spot(
    engine: Engine, payment: Payment, attempt_id: str
) -> Payment | None:
    """The same for a cancel. The payment if the cancel is certain now, None while it is not.

    `Refused("pg_refused_cancel")` if it is certain that it did not happen.
    """
    if engine.look_before_answer_s > 0:
        await asyncio.sleep(engine.look_before_answer_s)
        attempt = await attempt_store.attempt(engine.database, payment.merchant_id, attempt_id)
        await look_at(engine, attempt)
    attempt = await attempt_store.attempt(engine.database, payment.merchant_id, attempt_id)
    if attempt.state == "declined":
        raise Refused(
            "pg_refused_cancel", imp_uid=payment.imp_uid, code=attempt.pg_code, text=attempt.pg_text
        )
    if attempt.state != "approved":
        return None
    return await find_payment(engine, payment.merchant_id, payment.imp_uid)


async def look_again(engine: Engine, merchant_id: int, attempt_id: str) -> str:
    """Asks the PG about one doubt now instead of at its next look; the attempt's state after.

    `NotFound("no_doubt")` if there is no such doubt, or it has ended.
    """
    if not await is_doubt(engine, merchant_id, attempt_id):
        raise UnknownThing("no_doubt")
    await look_at(engine, await attempt_store.attempt(engine.database, merchant_id, attempt_id))
    attempt = await attempt_store.attempt(engine.database, merchant_id, attempt_id)
    return attempt.state


async def look_at(engine: Engine, attempt: PaymentAttempt) -> None:
    """Asks the PG what became of one attempt and does what the answer calls for."""
    if attempt.state == "approved":
        await attempt_store.plan_look(
            engine.database, attempt.merchant_id, attempt.attempt_id, at=None, why=None
        )
        return
    channel = await find_channel(engine, attempt.merchant_id, attempt.channel_id)
    finding = await engine.providers[channel.provider].look_up(
        open_mall(engine, channel),
        attempt.reference,
        kind=attempt.kind,
        shop_order_no=attempt.shop_order_no,
        amount_krw=attempt.amount_krw,
    )
    log.info(
        "looked_up",
        merchant_id=attempt.merchant_id,
        imp_uid=attempt.imp_uid,
        attempt_id=attempt.attempt_id,
        kind=attempt.kind.value,
        look=attempt.looks,
        finding=type(finding).__name__,
        why=getattr(finding, "why", None),
    )
    if attempt.state in ("declined", "not_sent"):
        await _settle_surprise(engine, attempt, finding)
    elif attempt.kind is AttemptKind.CANCEL:
        await _settle_cancel(engine, attempt, channel, finding)
    else:
        await _settle_approval(engine, attempt, channel, finding)


async def _settle_approval(
    engine: Engine, attempt: PaymentAttempt, channel: Channel, finding: Finding
) -> None:
    match finding:
        case Found(outcome=(Approved() | KeyIssued()) as approval, state="live"):
            await _adopt_or_reverse(engine, attempt, channel, approval)
        case Found(outcome=Approved(exchange=exchange), state="cancelled"):
            text = "PG사에서 승인이 취소되었습니다."
            await _fail(engine, attempt, "CANCELLED_AT_PG", text, exchange)
        case Found(outcome=Declined() as decline):
            _SETTLED.labels("declined").inc()
            await record_outcome(
                engine,
                attempt.merchant_id,
                attempt.imp_uid,
                attempt.attempt_id,
                decline,
                how="looked_up",
            )
        case Found():
            await _hand_over(engine, attempt, f"the PG holds it as {finding.state}")
        case NotFound(exchange=exchange) if _has_settled(engine, attempt):
            await _fail(
                engine, attempt, "NOT_FOUND_AT_PG", "PG사에 승인 기록이 없습니다.", exchange
            )
        case NotFound():
            await _postpone(engine, attempt, "the PG knows nothing of it yet")
        case Unknown(pg_tid=str(), exchange=exchange) if attempt.kind is AttemptKind.ISSUE_KEY:
            # The key exists and cannot be read back: nobody can charge it, nothing was charged.
            text = "카드 등록 결과를 받지 못했습니다. 다시 등록해 주세요."
            await _fail(engine, attempt, "KEY_NOT_SHOWN", text, exchange)
        case Unknown(pg_tid=str() as pg_tid, amount_krw=int() as taken_krw) if taken_krw not in (
            0,
            attempt.amount_krw,
        ):
            # M7: another amount than asked. Undone at once, whatever the caller was told.
            _MISMATCHES.inc()
            log.error("amount_mismatch", imp_uid=attempt.imp_uid, asked_krw=attempt.amount_krw)
            await reverse(
                engine,
                attempt,
                pg_tid=pg_tid,
                amount_krw=taken_krw,
                why=f"승인 금액 불일치: 요청 {attempt.amount_krw}원, 승인 {taken_krw}원",
            )
        case Unknown(why=why) | NotSent(why=why):
            await _postpone(engine, attempt, why)


async def _adopt_or_reverse(
    engine: Engine, attempt: PaymentAttempt, channel: Channel, approval: Approved | KeyIssued
) -> None:
    if isinstance(approval, KeyIssued) or channel.doubt_policy == "adopt":
        _SETTLED.labels("adopted").inc()
        await record_outcome(
            engine,
            attempt.merchant_id,
            attempt.imp_uid,
            attempt.attempt_id,
            approval,
            how="looked_up",
        )
    elif engine.clock.now() - attempt.sent_at < lookup_backoff.IN_FLIGHT:
        # The request may still be under way and its caller be told "paid": not ours to undo yet.
        await _postpone(engine, attempt, "approved at the PG; the request may still be under way")
    else:
        await reverse(
            engine,
            attempt,
            pg_tid=approval.pg_tid,
            amount_krw=approval.amount_krw,
            why="결과를 제때 알려드리지 못해 승인을 취소했습니다.",
        )


async def _settle_surprise(engine: Engine, attempt: PaymentAttempt, finding: Finding) -> None:
    """Told "failed", and a notice says otherwise: an approval that turns up is undone (M6)."""
    match finding:
        case Found(outcome=Approved() as approval, state="live"):
            log.error("approval_after_failure", imp_uid=attempt.imp_uid, pg_tid=approval.pg_tid)
            await reverse(
                engine,
                attempt,
                pg_tid=approval.pg_tid,
                amount_krw=approval.amount_krw,
                why="실패로 알려드린 뒤 승인이 확인되어 취소했습니다.",
            )
        case NotFound() | Unknown() | NotSent() if attempt.looks < _SURPRISE_LOOKS_MAX:
            at = lookup_backoff.next_look(engine.clock.now(), engine.clock.now())
            await attempt_store.plan_look(
                engine.database, attempt.merchant_id, attempt.attempt_id, at=at, why=None
            )
        case _:
            await attempt_store.plan_look(
                engine.database, attempt.merchant_id, attempt.attempt_id, at=None, why=None
            )


async def _settle_cancel(
    engine: Engine, attempt: PaymentAttempt, channel: Channel, finding: Finding
) -> None:
    match finding:
        case Found(outcome=(Cancelled() | Declined()) as told):
            await _finish_cancel(engine, attempt, told)
        case NotFound(exchange=exchange) if _has_settled(engine, attempt):
            await _settle_lost_cancel(engine, attempt, channel, exchange)
        case NotFound():
            await _postpone(engine, attempt, "the PG knows nothing of this cancel yet")
        case Unknown(why=why) | NotSent(why=why):
            await _postpone(engine, attempt, why)
        case Found():
            await _hand_over(engine, attempt, f"the PG holds it as {finding.state}")


async def _settle_lost_cancel(
    engine: Engine, attempt: PaymentAttempt, channel: Channel, exchange: Exchange | None
) -> None:
    """The PG does not know the cancel by its name; the original shows whether it happened (§12.3).

    Unchanged: it did not happen, and may be asked for again. Changed in a way that this cancel may
    or may not explain: a person must look.
    """
    original = await attempt_store.approval_of(
        engine.database, attempt.merchant_id, attempt.imp_uid
    )
    assert original is not None, f"payment {attempt.imp_uid} is cancelled without an approval"
    finding = await engine.providers[channel.provider].look_up(
        open_mall(engine, channel),
        original.reference,
        kind=original.kind,
        shop_order_no=original.shop_order_no,
        amount_krw=original.amount_krw,
    )
    payment = await payment_store.payment(engine.database, attempt.merchant_id, attempt.imp_uid)
    assert payment is not None, f"payment {attempt.imp_uid} is gone"
    match finding:
        case Found(state="partly_cancelled") if payment.cancelled_krw == 0:
            await _hand_over(engine, attempt, "the PG shows a partial cancel that it cannot name")
        case Found(state="partly_cancelled"):
            await _hand_over(engine, attempt, "earlier partial cancels hide whether it happened")
        case Found(state="cancelled"):
            await _hand_over(engine, attempt, "the PG shows a full cancel that it cannot name")
        case Unknown() | NotSent() if original.deadline_at > engine.clock.now():
            await _postpone(engine, attempt, "the original could not be looked up")
        case _:
            text = "PG사에 취소 기록이 없습니다."
            decline = Declined(code="NOT_FOUND_AT_PG", text=text, exchange=exchange)
            await _finish_cancel(engine, attempt, decline)


async def _finish_cancel(
    engine: Engine, attempt: PaymentAttempt, told: Cancelled | Declined
) -> None:
    if attempt.is_reversal:
        await finish_reversal(engine, attempt, told)
    else:
        await record_cancel(engine, attempt, told, how="looked_up")


async def _fail(
    engine: Engine, attempt: PaymentAttempt, code: str, text: str, exchange: Exchange | None
) -> None:
    _SETTLED.labels("failed").inc()
    decline = Declined(code=code, text=text, reason="not_approved", exchange=exchange)
    await record_outcome(
        engine, attempt.merchant_id, attempt.imp_uid, attempt.attempt_id, decline, how="looked_up"
    )


def _has_settled(engine: Engine, attempt: PaymentAttempt) -> bool:
    now = engine.clock.now()
    is_over = attempt.state != "sending" or now - attempt.sent_at >= lookup_backoff.IN_FLIGHT
    return is_over and now - attempt.aged_since >= lookup_backoff.SETTLING_TIME


async def _postpone(engine: Engine, attempt: PaymentAttempt, why: str) -> None:
    now = engine.clock.now()
    if now >= attempt.deadline_at:
        await _hand_over(engine, attempt, why)
        return
    at = min(lookup_backoff.next_look(attempt.aged_since, now), max(attempt.deadline_at, now))
    await attempt_store.plan_look(
        engine.database, attempt.merchant_id, attempt.attempt_id, at=at, why=why
    )


async def _hand_over(engine: Engine, attempt: PaymentAttempt, why: str) -> None:
    """To the worklist, with its evidence; the order stays taken until a person decides."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        payment = await payment_store.payment_for_update(
            connection, attempt.merchant_id, attempt.imp_uid
        )
        if not await attempt_store.hand_over(
            connection, attempt.merchant_id, attempt.attempt_id, why=why, now=now
        ):
            return
        await payment_store.record_event(
            connection,
            payment,
            what="handed_over",
            who="gateway",
            at=now,
            why=why,
            attempt_id=attempt.attempt_id,
        )
    _HANDED_OVER.inc()
    log.error("doubt_handed_over", imp_uid=attempt.imp_uid, attempt_id=attempt.attempt_id, why=why)

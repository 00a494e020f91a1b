"""One timeline of everything that happened to a payment, oldest first."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dasi.audit import AuditEntry
from dasi.console.labels import ATTEMPT, ATTEMPT_KIND, AUDIT_ACTION, DELIVERY, EVENT, Label, label
from dasi.console.payments.reason_labels import cause
from dasi.providers.port import Exchange
from dasi.reporting import AttemptDetail, PaymentDetail, PaymentEvent
from dasi.webhooks import Delivery, DeliveryAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class PgMessage:
    """As it went over the line, without what nobody may see."""

    title: Label
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One moment: what happened, by whom, why, and the raw facts behind it."""

    at: datetime
    kind: str
    """event, window, delivery or audit."""
    title: Label
    who: str
    why: Label | None
    pg_code: str | None
    pg_text: str | None
    raw: tuple[tuple[str, str], ...]
    messages: tuple[PgMessage, ...] = ()
    """To the PG and from it."""


def build_timeline(
    detail: PaymentDetail,
    told: Sequence[tuple[Delivery, list[DeliveryAttempt]]],
    entries: Sequence[AuditEntry],
) -> list[TimelineEntry]:
    """Events, with the requests to the PG they speak of, the windows, every attempt to deliver,
    and what people did that no event speaks of."""
    attempts = {one.attempt_id: one for one in detail.attempts}
    timeline = [
        TimelineEntry(
            at=event.created_at,
            kind="event",
            title=label(EVENT, event.type),
            who=event.actor,
            why=cause(event.detail),
            pg_code=event.pg_code,
            pg_text=event.pg_text,
            raw=(
                ("event", f"#{event.seq} {event.type} → {event.status}"),
                ("hash", event.hash.hex()),
                *_raw_attempt(attempts.get(event.attempt_id or "")),
            ),
            messages=_messages(event, attempts.get(event.attempt_id or "")),
        )
        for event in detail.events
    ]
    timeline += [
        TimelineEntry(
            at=window.opened_at,
            kind="window",
            title=Label(
                f"결제창 ({window.device.upper()})", f"payment window ({window.device})", "off"
            ),
            who="merchant",
            why=None,
            pg_code=window.return_code,
            pg_text=window.return_text,
            raw=(("state", window.state), ("expires_at", window.expires_at.isoformat())),
        )
        for window in detail.windows
    ]
    timeline += [
        _from_delivery_attempt(delivery, one)
        for delivery, attempts_of_it in told
        for one in attempts_of_it
    ]
    timeline += [
        _from_audit_entry(entry) for entry in entries if not _is_told_by_event(entry, detail)
    ]
    return sorted(timeline, key=lambda entry: entry.at)


def _from_delivery_attempt(delivery: Delivery, one: DeliveryAttempt) -> TimelineEntry:
    was_taken = one.next_attempt_at is None and delivery.state != "failed"
    state = DELIVERY["delivered"] if was_taken else _NOT_TAKEN
    return TimelineEntry(
        at=one.at,
        kind="delivery",
        title=Label(
            f"웹훅 {delivery.kind}: {state.ko}",
            f"webhook {delivery.kind}: {state.en}",
            "good" if was_taken else "bad",
        ),
        who="gateway",
        why=Label(one.url, one.url),
        pg_code=None,
        pg_text=one.answer,
        raw=(
            ("event_id", delivery.event_id),
            ("attempt", f"{one.number}, {one.took_ms} ms"),
            ("request", one.request),
            *(
                (("next_attempt_at", one.next_attempt_at.isoformat()),)
                if one.next_attempt_at
                else ()
            ),
        ),
    )


def _from_audit_entry(entry: AuditEntry) -> TimelineEntry:
    title = label(AUDIT_ACTION, entry.action)
    return TimelineEntry(
        at=entry.created_at,
        kind="audit",
        title=Label(title.ko, title.en, "off"),
        who=f"user:{entry.email}",
        why=Label(entry.detail, entry.detail) if entry.detail else None,
        pg_code=None,
        pg_text=None,
        raw=(("action", entry.action), ("target", entry.target or ""), ("from", entry.address)),
    )


def _is_told_by_event(entry: AuditEntry, detail: PaymentDetail) -> bool:
    """A cancel that was sent, and a doubt that was decided, stand in the events already."""
    if entry.action == "attempt_resolved":
        return True
    return entry.action == "payment_cancelled" and any(
        one.type == "cancel_requested"
        and one.actor == f"user:{entry.email}"
        and timedelta(0) <= one.created_at - entry.created_at < _SENT_WITHIN
        for one in detail.events
    )


_SENT_WITHIN = timedelta(seconds=10)
_NOT_TAKEN = Label("전송 실패", "not taken", "bad")


def _raw_attempt(attempt: AttemptDetail | None) -> tuple[tuple[str, str], ...]:
    """What was asked and answered, as it is kept. Keys and card numbers are in none of it."""
    if attempt is None:
        return ()
    kind, state = label(ATTEMPT_KIND, attempt.kind), label(ATTEMPT, attempt.state)
    told = {
        "request": f"{attempt.kind} ({kind.ko})",
        "attempt_id": attempt.attempt_id,
        "pg_order_id": attempt.pg_order_id,
        "pg_merchant_id": attempt.pg_merchant_id,
        "business_date": attempt.business_date.isoformat(),
        "amount_krw": f"{attempt.amount_krw:,}",
        "remain_krw": f"{attempt.remain_krw:,}" if attempt.remain_krw is not None else None,
        "reason": attempt.reason,
        "sent_at": attempt.sent_at.isoformat(),
        "answered_at": attempt.answered_at.isoformat() if attempt.answered_at else None,
        "state": f"{attempt.state} ({state.ko})",
        "pg_code": attempt.pg_code,
        "pg_text": attempt.pg_text,
        "pg_tid": attempt.pg_tid,
        "detail": attempt.detail,
        "lookups": str(attempt.lookups),
    }
    return tuple((name, value) for name, value in told.items() if value)


def _messages(event: PaymentEvent, attempt: AttemptDetail | None) -> tuple[PgMessage, ...]:
    """What was said at this moment: the request, its answer, or the look that settled it."""
    if attempt is None or not attempt.exchanges:
        return ()
    first, last = attempt.exchanges[0], attempt.exchanges[-1]
    if event.type.endswith("_requested"):
        return (_sent(first),)
    if event.detail == "looked_up":
        return (_sent(last), _answered(last))
    return (_answered(first),)


def _sent(exchange: Exchange) -> PgMessage:
    title = Label(f"PG에 보낸 요청 POST {exchange.path}", f"to the PG: POST {exchange.path}")
    return PgMessage(title=title, text=_told(exchange.request))


def _answered(exchange: Exchange) -> PgMessage:
    if exchange.answer is None:
        told = cause(exchange.why) or Label("", "")
        return PgMessage(
            title=Label(f"PG 응답 없음: {told.ko}", f"no answer: {told.en}"),
            text=exchange.why or "",
        )
    title = Label(f"PG 응답 ({exchange.took_ms:,} ms)", f"from the PG ({exchange.took_ms:,} ms)")
    return PgMessage(title=title, text=_told(exchange.answer))


def _told(body: dict[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2)

"""The timeline of a payment: events, windows, deliveries and audit entries, oldest first."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dasi.audit import AuditEntry
from dasi.console.labels.audit_actions import AUDIT_ACTION
from dasi.console.labels.label import Label, label
from dasi.console.labels.states import ATTEMPT, ATTEMPT_KIND, DELIVERY, EVENT
from dasi.console.payments.reason_labels import reason_label
from dasi.ledger import PaymentAttempt
from dasi.providers.port import Exchange
from dasi.reporting import PaymentDetail
from dasi.webhooks import Delivery, DeliveryAttempt

_SENT_WITHIN = timedelta(seconds=10)
"""An audit entry and the event of the same cancel are at most this far apart."""
_NOT_DELIVERED = Label("전송 실패", "Failed", "bad")


@dataclass(frozen=True, slots=True, kw_only=True)
class PgMessage:
    """One message to or from the PG, with its secrets and personal data masked."""

    title: Label
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One moment: what changed, the actor, the reason, and the stored values."""

    at: datetime
    kind: str
    """event, window, delivery or audit."""
    title: Label
    actor: str
    reason: Label | None
    pg_code: str | None
    pg_text: str | None
    raw: tuple[tuple[str, str], ...]
    messages: tuple[PgMessage, ...] = ()
    """The messages to and from the PG."""


def build_timeline(
    detail: PaymentDetail,
    deliveries: Sequence[tuple[Delivery, list[DeliveryAttempt]]],
    entries: Sequence[AuditEntry],
) -> list[TimelineEntry]:
    """Return events with their PG messages, windows, delivery attempts and audit entries.

    An audit entry is left out if an event shows the same operation.
    """
    attempts = {attempt.attempt_id: attempt for attempt in detail.attempts}
    timeline = [
        TimelineEntry(
            at=event.created_at,
            kind="event",
            title=label(EVENT, event.type),
            actor=event.actor,
            reason=reason_label(event.detail),
            pg_code=event.pg_code,
            pg_text=event.pg_text,
            raw=(
                ("event", f"#{event.seq} {event.type} → {event.status}"),
                ("mac", event.mac.hex()),
                *_raw_attempt(attempts.get(event.attempt_id or "")),
            ),
            messages=_messages(
                event.type, event.detail, detail.exchanges.get(event.attempt_id or "", ())
            ),
        )
        for event in detail.events
    ]
    timeline += [
        TimelineEntry(
            at=window.opened_at,
            kind="window",
            title=Label(
                f"결제창 열림 ({window.device.upper()})",
                f"Window opened ({window.device.upper()})",
                "off",
            ),
            actor="merchant",
            reason=None,
            pg_code=window.return_code,
            pg_text=window.return_text,
            raw=(("state", window.state), ("expires_at", window.expires_at.isoformat())),
        )
        for window in detail.windows
    ]
    timeline += [
        _from_delivery_attempt(delivery, attempt)
        for delivery, delivery_attempts in deliveries
        for attempt in delivery_attempts
    ]
    timeline += [_from_audit_entry(entry) for entry in entries if not _is_in_events(entry, detail)]
    return sorted(timeline, key=lambda entry: entry.at)


def _from_delivery_attempt(delivery: Delivery, attempt: DeliveryAttempt) -> TimelineEntry:
    is_delivered = attempt.next_attempt_at is None and delivery.state != "failed"
    state = DELIVERY["delivered"] if is_delivered else _NOT_DELIVERED
    return TimelineEntry(
        at=attempt.at,
        kind="delivery",
        title=Label(
            f"웹훅 {delivery.kind}: {state.ko}",
            f"Webhook {delivery.kind}: {state.en}",
            "good" if is_delivered else "bad",
        ),
        actor="gateway",
        reason=Label(attempt.url, attempt.url),
        pg_code=None,
        pg_text=attempt.answer,
        raw=(
            ("event_id", delivery.event_id),
            ("attempt", f"{attempt.number}, {attempt.took_ms} ms"),
            ("request", attempt.request),
            *(
                (("next_attempt_at", attempt.next_attempt_at.isoformat()),)
                if attempt.next_attempt_at
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
        actor=f"user:{entry.email}",
        reason=Label(entry.detail, entry.detail) if entry.detail else None,
        pg_code=None,
        pg_text=None,
        raw=(("action", entry.action), ("target", entry.target or ""), ("from", entry.address)),
    )


def _is_in_events(entry: AuditEntry, detail: PaymentDetail) -> bool:
    """Return whether an event shows the operation: a cancel request, a manual resolution."""
    if entry.action == "attempt_resolved":
        return True
    return entry.action == "payment_cancelled" and any(
        event.type == "cancel_requested"
        and event.actor == f"user:{entry.email}"
        and timedelta(0) <= event.created_at - entry.created_at < _SENT_WITHIN
        for event in detail.events
    )


def _raw_attempt(attempt: PaymentAttempt | None) -> tuple[tuple[str, str], ...]:
    """Return the stored values of an attempt. None of them holds a key or a card number."""
    if attempt is None:
        return ()
    kind, state = label(ATTEMPT_KIND, attempt.kind), label(ATTEMPT, attempt.state)
    values = {
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
        "request_id": attempt.request_id,
    }
    return tuple((name, value) for name, value in values.items() if value)


def _messages(
    event_type: str, event_detail: str | None, exchanges: Sequence[Exchange]
) -> tuple[PgMessage, ...]:
    """Return the messages of an event: the request, its response, or the lookup."""
    if not exchanges:
        return ()
    first, last = exchanges[0], exchanges[-1]
    if event_type.endswith("_requested"):
        return (_sent(first),)
    if event_detail == "looked_up":
        return (_sent(last), _received(last))
    return (_received(first),)


def _sent(exchange: Exchange) -> PgMessage:
    title = Label(f"PG 요청 POST {exchange.path}", f"Request to PG: POST {exchange.path}")
    return PgMessage(title=title, text=_json(exchange.request))


def _received(exchange: Exchange) -> PgMessage:
    if exchange.answer is None:
        reason = reason_label(exchange.why) or Label("", "")
        return PgMessage(
            title=Label(f"PG 응답 미수신: {reason.ko}", f"No response: {reason.en}"),
            text=exchange.why or "",
        )
    title = Label(f"PG 응답 ({exchange.took_ms:,} ms)", f"PG response ({exchange.took_ms:,} ms)")
    return PgMessage(title=title, text=_json(exchange.answer))


def _json(body: dict[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2)

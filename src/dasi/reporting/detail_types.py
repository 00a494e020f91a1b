"""What a payment's story is made of. Shapes only."""

from dataclasses import dataclass
from datetime import date, datetime

from dasi.ledger import Payment
from dasi.providers.port import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    seq: int
    created_at: datetime
    type: str
    status: str
    actor: str
    detail: str | None
    attempt_id: str | None
    pg_code: str | None
    pg_text: str | None
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptDetail:
    """One request to the PG and what is known of its answer."""

    attempt_id: str
    kind: str
    pg_merchant_id: str
    pg_order_id: str | None
    business_date: date
    amount_krw: int
    remain_krw: int | None
    state: str
    detail: str | None
    pg_code: str | None
    pg_text: str | None
    pg_tid: str | None
    reason: str | None
    is_reversal: bool
    lookups: int
    sent_at: datetime
    answered_at: datetime | None
    next_lookup_at: datetime | None
    deadline_at: datetime | None
    escalated_at: datetime | None
    exchanges: tuple[Exchange, ...]
    """The request and its answer, and the look that settled it. Masked."""

    @property
    def is_open(self) -> bool:
        return self.state in ("sending", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWindow:
    state: str
    device: str
    return_code: str | None
    return_text: str | None
    opened_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDetail:
    payment: Payment
    events: tuple[PaymentEvent, ...]
    attempts: tuple[AttemptDetail, ...]
    windows: tuple[PaymentWindow, ...]

    @property
    def decline_reason(self) -> str | None:
        """The house's word for why it failed, where the PG gave one."""
        saying = ("declined", "window_returned")
        told = [one.detail for one in self.events if one.type in saying and one.detail]
        return told[-1] if told else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedAttemptSummary:
    """An attempt whose answer is not known, on the worklist."""

    attempt_id: str
    kind: str
    imp_uid: str | None
    merchant_uid: str | None
    amount_krw: int
    state: str
    detail: str | None
    lookups: int
    sent_at: datetime
    next_lookup_at: datetime | None
    deadline_at: datetime | None
    escalated_at: datetime | None

"""What a payment's story is made of. Shapes only."""

from dataclasses import dataclass
from datetime import date, datetime

from dasi.ledger import Payment
from dasi.providers.exchange import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    seq: int
    at: datetime
    what: str
    status: str
    who: str
    why: str | None
    attempt_id: str | None
    pg_code: str | None
    pg_text: str | None
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptDetail:
    """One request to the PG and what is known of its answer."""

    attempt_id: str
    kind: str
    mall_id: str
    shop_order_no: str | None
    day_kst: date
    amount_krw: int
    remain_krw: int | None
    state: str
    why: str | None
    pg_code: str | None
    pg_text: str | None
    pg_tid: str | None
    reason: str | None
    is_reversal: bool
    looks: int
    sent_at: datetime
    answered_at: datetime | None
    next_look_at: datetime | None
    deadline_at: datetime | None
    handed_over_at: datetime | None
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
        told = [one.why for one in self.events if one.what in saying and one.why]
        return told[-1] if told else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtLine:
    """An attempt whose answer is not known, on the worklist."""

    attempt_id: str
    kind: str
    imp_uid: str | None
    merchant_uid: str | None
    amount_krw: int
    state: str
    why: str | None
    looks: int
    sent_at: datetime
    next_look_at: datetime | None
    deadline_at: datetime | None
    handed_over_at: datetime | None

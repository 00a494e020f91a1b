"""Payment events as their writers make them: content, keyed digests and MAC (M9).

The gateway computes the MAC, so the key never reaches the database. The MAC covers what an event
states: type, status, actor, texts, amount, order, PG number, and two digests. The digests cover the
payment's row after the change. `dasi.ledger_proof` compares the rows with them.

    buyer_digest    personal data; after an erasure, a later event states that of the empty row
    details_digest  the payment's other columns; of a request (`…_requested`), the attempt's columns

PostgreSQL draws the name of an attempt, and the `imp_uid` of a charge, in the statement that writes
the event of the request. So that MAC leaves them out. The seal covers them a few seconds later.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct, structs

from dasi.foundation.vault import KEY_ID_BYTES, MacKeys
from dasi.providers.port import Approved, AttemptKind

REQUESTS = frozenset(f"{kind.value}_requested" for kind in AttemptKind)
"""The types of the events that request an attempt."""
_CHARGE_REQUESTED = f"{AttemptKind.CHARGE.value}_requested"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class PaymentDetails(Struct, frozen=True, kw_only=True, array_like=True):
    """The columns of a payment that `details_digest` covers, in this order."""

    imp_uid: str
    purpose: str
    source: str
    channel_id: int
    name: str
    customer_uid: str | None
    tax_free_krw: int | None
    notice_urls: tuple[str, ...]
    is_scheduled: bool
    started_at_us: int | None
    cancelled_krw: int = 0
    cancelled_tax_free_krw: int = 0
    approval_no: str | None = None
    card_brand: str | None = None
    card_name: str | None = None
    card_issuer_code: str | None = None
    card_number: str | None = None
    card_kind: str | None = None
    card_quota: int = 0
    can_cancel_in_part: bool | None = None
    receipt_url: str | None = None
    paid_at_us: int | None = None
    failed_at_us: int | None = None
    fail_code: str | None = None
    fail_reason: str | None = None


class PaymentFacts(Struct, frozen=True, kw_only=True):
    """A payment's row, as its events state it."""

    merchant_id: int
    merchant_uid: str
    status: str
    amount_krw: int
    personal: tuple[str | None, ...]
    """The columns that `buyer_digest` covers: buyer, `custom_data` and `user_agent`."""
    details: PaymentDetails

    @property
    def imp_uid(self) -> str:
        return self.details.imp_uid

    def buyer_digest(self, keys: MacKeys, key_id: bytes) -> bytes:
        return keys.digest(key_id, "buyer", self.imp_uid, self.personal)

    def details_digest(self, keys: MacKeys, key_id: bytes) -> bytes:
        return keys.digest(key_id, "details", self.details)

    def after(self, approval: Approved) -> "PaymentFacts":
        """Return the facts of the pending payment's row when it is paid."""
        card = approval.card
        details = structs.replace(
            self.details,
            approval_no=approval.approval_no,
            card_brand=card.brand,
            card_name=card.name,
            card_issuer_code=card.issuer_code,
            card_number=card.number_masked,
            card_kind=card.kind,
            card_quota=card.quota_months,
            can_cancel_in_part=card.can_cancel_in_part,
            receipt_url=approval.receipt_url,
            paid_at_us=microseconds(approval.approved_at),
            fail_code=None,
            fail_reason=None,
        )
        return structs.replace(self, status="paid", details=details)


class AttemptFacts(Struct, frozen=True, kw_only=True, array_like=True):
    """The columns of an attempt that the event of its request states, in this order."""

    kind: AttemptKind
    business_date: date
    amount_krw: int
    remain_krw: int | None = None
    tax_free_krw: int | None = None
    is_reversal: bool = False

    def digest(self, keys: MacKeys, key_id: bytes) -> bytes:
        return keys.digest(key_id, "attempt", self)


class PaymentEvent(Struct, frozen=True, kw_only=True):
    """An event with its MAC, as the SQL function `record_payment_event` takes it."""

    merchant_id: int
    imp_uid: str | None
    created_at: datetime
    type: str
    status: str
    actor: str
    detail: str | None = None
    attempt_id: str | None = None
    pg_code: str | None = None
    pg_text: str | None = None
    merchant_uid: str
    amount_krw: int
    pg_tid: str | None = None
    buyer_digest: bytes | None = None
    details_digest: bytes | None = None
    mac: bytes = b""

    @property
    def key_id(self) -> bytes:
        """The id of the key of its MAC and of its digests."""
        return self.mac[:KEY_ID_BYTES]

    def signed(self, keys: MacKeys) -> "PaymentEvent":
        return structs.replace(self, mac=keys.sign("event", *self._content()))

    def is_genuine(self, keys: MacKeys) -> bool:
        """Return whether a gateway wrote this. `MacKeyMissingError` if its key is not loaded."""
        return keys.is_valid(self.mac, "event", *self._content())

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()

    def _content(self) -> tuple[Any, ...]:
        return (
            self.merchant_id,
            None if self.type == _CHARGE_REQUESTED else self.imp_uid,
            microseconds(self.created_at),
            self.type,
            self.status,
            self.actor,
            self.detail,
            None if self.type in REQUESTS else self.attempt_id,
            self.pg_code,
            self.pg_text,
            self.merchant_uid,
            self.amount_krw,
            self.pg_tid,
            self.buyer_digest,
            self.details_digest,
        )


def new_event(
    keys: MacKeys,
    facts: PaymentFacts,
    *,
    event_type: str,
    actor: str,
    created_at: datetime,
    amount_krw: int | None = None,
    requested: AttemptFacts | None = None,
    detail: str | None = None,
    attempt_id: str | None = None,
    pg_code: str | None = None,
    pg_text: str | None = None,
    pg_tid: str | None = None,
) -> PaymentEvent:
    """Return the signed event of a payment, whose row is `facts` after the change.

    `amount_krw`: of the attempt that it is about; None for the payment's amount. `requested`: the
    attempt, of an event that requests one.
    """
    stated = facts if requested is None else requested
    return PaymentEvent(
        merchant_id=facts.merchant_id,
        imp_uid=facts.imp_uid,
        created_at=created_at,
        type=event_type,
        status=facts.status,
        actor=actor,
        detail=detail,
        attempt_id=attempt_id,
        pg_code=pg_code,
        pg_text=pg_text,
        merchant_uid=facts.merchant_uid,
        amount_krw=facts.amount_krw if amount_krw is None else amount_krw,
        pg_tid=pg_tid,
        buyer_digest=facts.buyer_digest(keys, keys.newest),
        details_digest=(
            stated.digest(keys, keys.newest)
            if isinstance(stated, AttemptFacts)
            else stated.details_digest(keys, keys.newest)
        ),
    ).signed(keys)


def charge_requested(
    keys: MacKeys,
    *,
    merchant_id: int,
    merchant_uid: str,
    amount_krw: int,
    business_date: date,
    now: datetime,
) -> PaymentEvent:
    """Return the signed first event of a charge."""
    requested = AttemptFacts(
        kind=AttemptKind.CHARGE, business_date=business_date, amount_krw=amount_krw
    )
    return PaymentEvent(
        merchant_id=merchant_id,
        imp_uid=None,
        created_at=now,
        type=_CHARGE_REQUESTED,
        status="pending",
        actor="merchant",
        merchant_uid=merchant_uid,
        amount_krw=amount_krw,
        details_digest=requested.digest(keys, keys.newest),
    ).signed(keys)


def microseconds(at: datetime | None) -> int | None:
    """Return microseconds since the epoch, the precision of PostgreSQL; None for None."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND

"""The provider port, all that domain packages know of a PG: requests in, outcomes out.

Every verb has one of four outcomes (M3):

    Approved / KeyIssued / Cancelled / KeyDeleted   an explicit success that passed its checks
    Declined    an explicit refusal of a request that was sent once
    Unknown     the request may have had effect; `look_up` resolves it, never a repetition
    NotSent     the request never left this machine and may be repeated on the same day

Each outcome carries its `exchange`, request and answer, fit to be shown.

Every verb that moves money takes an `Attempt`, whose row was committed before the call (M2). An
implementation sends one request and never repeats it by itself. Amounts are whole won.

An implementation fits texts (goods, buyer, reasons) to the PG. It never alters identifiers, order
numbers, amounts or return addresses: one that the PG would refuse is a bug of the caller and raises
`AssertionError` before a request is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, Protocol


class AttemptKind(StrEnum):
    """The verb of one request to the PG."""

    APPROVE = "approve"
    ISSUE_KEY = "issue_key"
    CHARGE = "charge"
    CANCEL = "cancel"
    DELETE_KEY = "delete_key"


KeyFields = Literal["full", "number_expiry", "number_expiry_birth"]
"""The fields that a payer enters to register a card."""
Language = Literal["ko", "en", "ja", "zh"]
"""The language of a payment window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PgAccount:
    """A merchant's contract with the PG, with its secret open for the length of a call."""

    pg_merchant_id: str
    secret: str = field(repr=False)
    is_sandbox: bool
    key_fields: KeyFields = "full"
    """The fields that the payer types in a key window."""
    language: Language = "ko"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to the PG. Its row is committed; its identifier is ours and used once."""

    attempt_id: str
    business_date: date
    """The Korean day that the request is filed under; `look_up` needs it with `attempt_id`."""
    is_other_day: bool = False
    """The PG refused our day, so this request names another one than today's."""

    def on_other_day(self, business_date: date) -> "Attempt":
        """Return the request that follows when the PG refuses the day of this one."""
        return Attempt(
            attempt_id=f"{self.attempt_id}-d", business_date=business_date, is_other_day=True
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The purchase and the buyer, as far as the PG learns them."""

    pg_order_id: str
    amount_krw: int
    goods_name: str
    buyer_id: str | None = None
    buyer_name: str | None = None
    buyer_email: str | None = None
    buyer_tel: str | None = None
    tax_free_krw: int | None = None
    """None: the PG taxes the whole amount by default."""
    quota_months: int = 0
    """Instalments; 0 is a lump sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRequest:
    """A window for one payment, or for a card registration (`is_key_window`)."""

    order: Order
    is_key_window: bool
    device: Literal["pc", "mobile"]
    return_url: str
    language: Language | None = None
    app_scheme: str | None = None
    quotas_offered: tuple[int, ...] | None = None
    """Instalments that the window offers, 0 for a lump sum; None leaves it to the contract."""
    cards_offered: tuple[str, ...] | None = None
    """Brand slugs of `Card.brand`; the PG ignores unknown ones. None offers all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as far as the PG describes it. `brand` is our slug (`shinhan`); None if unknown.

    Slugs: amex bank_of_china bc busan citi diners eugene_securities gwangju gyeongnam hana hyundai
    hyundai_securities ibk im_bank jcb jeju jeonbuk k_bank kakao_bank kb kdb kyobo_securities lotte
    master nh nh_securities post saemaul samsung savings_bank sc shinhan shinhyup shinsegae
    sk_securities suhyup toss_bank toss_card unionpay visa woori
    """

    brand: str | None = None
    name: str | None = None
    issuer_code: str | None = None
    number_masked: str | None = None
    kind: Literal["credit", "check", "gift"] | None = None
    quota_months: int = 0
    can_cancel_in_part: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOpened:
    url: str
    session_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReturn:
    """The fields that the payer's browser posted back. They are unsigned and prove nothing."""

    pg_order_id: str
    session_id: str
    is_authenticated: bool
    code: str
    text: str
    reason: str = "other"
    """The cause of a failed authentication: a slug of `dasi.providers.decline_reasons`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request to a PG with its answer, fit to be shown to an operator.

    The provider hides keys, secrets, card numbers and personal data first. An exchange is evidence
    of a payment; no code decides by it.
    """

    path: str
    """The path at the PG's host."""
    at: datetime
    took_ms: int
    request: dict[str, object]
    answer: dict[str, object] | None
    """None: no readable answer came."""
    why: str | None
    """The cause of a missing answer, for the reader of a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Money was taken. `amount_krw` equals the requested amount; a mismatch is `Unknown`."""

    pg_tid: str
    amount_krw: int
    approved_at: datetime
    approval_no: str | None
    card: Card
    receipt_url: str | None
    code: str
    text: str
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIssued:
    """A card was registered; nothing was charged."""

    billing_key: str = field(repr=False)
    pg_tid: str
    issued_at: datetime
    card: Card
    code: str
    text: str
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    cancel_tid: str
    amount_krw: int
    remain_krw: int
    cancelled_at: datetime
    receipt_url: str | None
    code: str
    text: str
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDeleted:
    code: str
    text: str
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


WRONG_DAY = "wrong_day"
"""The `reason` of a `Declined` whose request names another day than the PG's. Nothing was moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The PG refused. `reason` is a slug of `dasi.providers.decline_reasons`."""

    code: str
    text: str
    reason: str = "other"
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The request may have had effect. `why` is for a log; `code` and `text` are the PG's.

    `pg_tid`, `amount_krw` and `executed_at` are the claims of an answer that failed a check, if it
    had any.
    """

    why: str
    code: str | None = None
    text: str | None = None
    pg_tid: str | None = None
    amount_krw: int | None = None
    executed_at: datetime | None = None
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """The request never left this machine."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The PG's record of an attempt. `state` is the transaction's present state at the PG."""

    outcome: Approved | KeyIssued | Cancelled | KeyDeleted | Declined
    state: Literal["held", "cancelled", "partly_cancelled", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """The PG has no record of the attempt now. The request may still run there for a while."""

    code: str
    text: str
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PgNotification:
    """A message that the PG posts by itself. It is unsigned: a reason for a lookup, no proof."""

    notification_id: str
    """The same for each repetition of a notification."""
    pg_merchant_id: str
    pg_order_id: str | None
    claims: str = field(repr=False)
    """JSON of the fields that were understood, at most 1 KiB; nothing else of the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A cancel of `amount_krw`; `paid_krw` was approved, and `remain_krw` of it is left."""

    pg_tid: str
    amount_krw: int
    remain_krw: int
    paid_krw: int
    reason: str | None = None
    tax_free_krw: int | None = None
    """The tax-free part of `amount_krw`; None leaves the taxes to the PG."""
    cancelled_taxed_krw: int = 0
    """The taxed part of earlier cancels."""


class Provider(Protocol):
    """A PG. Tasks may share an implementation, which has one bounded pool for each host."""

    def is_available(self, account: PgAccount) -> bool:
        """Whether deferrable work may be sent to this PG now.

        While the PG is down, one caller gets True once in a while: its request is the probe.
        """
        ...

    def reason_of(self, code: str, text: str) -> str:
        """The slug of `dasi.providers.decline_reasons` for the PG's own code and text."""
        ...

    @property
    def test_merchant_ids(self) -> frozenset[str]:
        """The MIDs that the PG published for tests: none of them takes real money."""
        ...

    @property
    def test_secrets(self) -> frozenset[str]:
        """The secrets that the PG published for tests."""
        ...

    async def open_window(
        self, account: PgAccount, request: WindowRequest
    ) -> WindowOpened | Declined | Unknown | NotSent:
        """Register a window. It moves no money: any outcome but `WindowOpened` ends the order."""
        ...

    def read_return(self, fields: Mapping[str, str]) -> WindowReturn:
        """Parse the payer's return post. `ValueError` names the field that is missing or bad."""
        ...

    async def approve(
        self,
        account: PgAccount,
        attempt: Attempt,
        *,
        session_id: str,
        pg_order_id: str,
        amount_krw: int,
    ) -> Approved | Declined | Unknown | NotSent:
        """Take the money of a payment window after the payer's return."""
        ...

    async def issue_key(
        self, account: PgAccount, attempt: Attempt, *, session_id: str, pg_order_id: str
    ) -> KeyIssued | Declined | Unknown | NotSent:
        """Issue the billing key of a key window after the payer's return."""
        ...

    async def charge(
        self, account: PgAccount, attempt: Attempt, *, order: Order, billing_key: str
    ) -> Approved | Declined | Unknown | NotSent:
        """Charge a stored card once."""
        ...

    async def cancel(
        self, account: PgAccount, attempt: Attempt, *, cancel: Cancel
    ) -> Cancelled | Declined | Unknown | NotSent:
        """Cancel all or a part of an approval."""
        ...

    async def delete_key(
        self, account: PgAccount, attempt: Attempt, *, billing_key: str
    ) -> KeyDeleted | Declined | Unknown | NotSent:
        """Delete a billing key at the PG."""
        ...

    def read_notification(self, content_type: str, body: bytes) -> PgNotification:
        """Parse a notification. `ValueError` names the fault without quoting the body."""
        ...

    def acknowledge_notification(self, content_type: str, *, is_stored: bool) -> tuple[str, bytes]:
        """Content type and body of the HTTP 200 answer, in the form of the notification."""
        ...

    def is_notification_source(self, address: str) -> bool:
        """Whether the PG posts live notifications from this address."""
        ...

    async def look_up(
        self,
        account: PgAccount,
        attempt: Attempt,
        *,
        kind: AttemptKind,
        pg_order_id: str | None,
        amount_krw: int | None,
    ) -> Found | NotFound | Unknown | NotSent:
        """Look up the result of an attempt at the PG. A lookup only reads and may be repeated.

        `Found` was compared with `pg_order_id` and `amount_krw` unless they are None. An approval
        of another amount is `Unknown` with its `pg_tid` and `amount_krw`. `NotFound` is true for
        now only. A day that the PG no longer answers for is `Unknown` without a request.
        """
        ...

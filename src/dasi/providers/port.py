"""The one thing rooms know of a PG: orders in, outcomes out. No HTML, no database, no settings.

Three outcomes and a fourth (M3):

    Approved / KeyIssued / Cancelled / KeyDeleted   an explicit yes, checked
    Declined    an explicit no to a first and only send
    Unknown     everything else that may have happened; settled by `look_up`, never by repeating
    NotSent     never left this machine: safe to repeat on the same day

What was said and answered travels along as `exchange`, fit to be shown.

Every verb that moves money takes an `Attempt`, whose row was committed before the call (M2). An
implementation sends once and repeats nothing by itself. Amounts are whole won.

Texts (goods, names, reasons) are fitted to what the PG can hold. Names, order numbers, amounts and
return addresses are not: one that the PG could not take is the caller's bug, an `AssertionError`
before anything is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, Protocol

from dasi.providers.exchange import Exchange


class AttemptKind(StrEnum):
    """What one request to the PG asks for."""

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
    """A merchant's contract with the PG, unsealed for the length of a call."""

    pg_merchant_id: str
    secret: str = field(repr=False)
    is_sandbox: bool
    key_fields: KeyFields = "full"
    """What the payer types in a key window."""
    language: Language = "ko"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to the PG: its row is committed, its name is ours and used once."""

    attempt_id: str
    business_date: date
    """The Korean day the request is filed under; with `attempt_id` the handle for `look_up`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is bought and by whom, as far as the PG is told."""

    pg_order_id: str
    amount_krw: int
    goods_name: str
    buyer_id: str | None = None
    buyer_name: str | None = None
    buyer_email: str | None = None
    buyer_tel: str | None = None
    tax_free_krw: int | None = None
    """None: everything is taxed as the PG does by default."""
    quota_months: int = 0
    """Instalments; 0 is a lump sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRequest:
    """A window to be opened: for one payment, or to register a card (`is_key_window`)."""

    order: Order
    is_key_window: bool
    device: Literal["pc", "mobile"]
    return_url: str
    language: Language | None = None
    app_scheme: str | None = None
    quotas_offered: tuple[int, ...] | None = None
    """Instalments the window offers, 0 for a lump sum; None leaves it to the contract."""
    cards_offered: tuple[str, ...] | None = None
    """Brand slugs as of `Card.brand`; ones the PG does not know are left out, None offers all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the PG tells of a card. `brand` is our slug (`shinhan`); None when it is not known.

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
    """What the payer's browser brought back. Unsigned: it proves nothing and moves no money."""

    pg_order_id: str
    session_id: str
    is_authenticated: bool
    code: str
    text: str
    reason: str = "other"
    """Why it was not authenticated: a slug of `dasi.providers.decline_reasons`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Money was taken: `amount_krw` equals what was asked (a mismatch is `Unknown`)."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The PG refused. `reason` is a slug of `dasi.providers.decline_reasons`."""

    code: str
    text: str
    reason: str = "other"
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have happened. `why` is for the reader of a log at night; PG's words when it spoke.

    `pg_tid` and `amount_krw` are what an answer claimed that failed a check, when it claimed any.
    """

    why: str
    code: str | None = None
    text: str | None = None
    pg_tid: str | None = None
    amount_krw: int | None = None
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Nothing left this machine."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the PG knows of an attempt. `state` is the transaction's present state there."""

    outcome: Approved | KeyIssued | Cancelled | KeyDeleted | Declined
    state: Literal["held", "cancelled", "partly_cancelled", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """The PG knows no such attempt now. It may still be running there: time must pass first."""

    code: str
    text: str
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PgNotification:
    """What a PG posts to us by itself. Unsigned: a reason to ask, never a proof."""

    notification_id: str
    """The same for every repetition of one notification."""
    pg_merchant_id: str
    pg_order_id: str | None
    raw: str = field(repr=False)
    """As posted, for the evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Take back `amount_krw` of what `remain_krw` is left; `paid_krw` was approved."""

    pg_tid: str
    amount_krw: int
    remain_krw: int
    paid_krw: int
    reason: str | None = None
    tax_free_krw: int | None = None
    """The tax-free part of `amount_krw`, of an order that has one; None says nothing of taxes."""


class Provider(Protocol):
    """A PG. Implementations are safe to share between tasks and hold one bounded pool a host."""

    def is_available(self, account: PgAccount) -> bool:
        """Whether work that can wait may be asked of this PG now. While it is down, True once in
        a while for one asker, whose ask shows whether it is back."""
        ...

    def reason_of(self, code: str, text: str) -> str:
        """The slug of `dasi.providers.decline_reasons` for a no in the PG's own code and words."""
        ...

    async def open_window(
        self, account: PgAccount, request: WindowRequest
    ) -> WindowOpened | Declined | Unknown | NotSent:
        """Registers a window. Moves no money, so anything but `WindowOpened` ends the order."""
        ...

    def read_return(self, fields: Mapping[str, str]) -> WindowReturn:
        """Reads the payer's return post. `ValueError` names the field that is missing or bad."""
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
        """Takes the money of a payment window that was returned."""
        ...

    async def issue_key(
        self, account: PgAccount, attempt: Attempt, *, session_id: str, pg_order_id: str
    ) -> KeyIssued | Declined | Unknown | NotSent:
        """Issues the billing key of a key window that was returned."""
        ...

    async def charge(
        self, account: PgAccount, attempt: Attempt, *, order: Order, billing_key: str
    ) -> Approved | Declined | Unknown | NotSent:
        """Charges a stored card once."""
        ...

    async def cancel(
        self, account: PgAccount, attempt: Attempt, *, cancel: Cancel
    ) -> Cancelled | Declined | Unknown | NotSent:
        """Takes back all or a part of an approval."""
        ...

    async def delete_key(
        self, account: PgAccount, attempt: Attempt, *, billing_key: str
    ) -> KeyDeleted | Declined | Unknown | NotSent:
        """Ends a billing key at the PG."""
        ...

    def read_notification(self, content_type: str, body: bytes) -> PgNotification:
        """Reads a notification. `ValueError` says what is wrong without quoting what was posted."""
        ...

    def acknowledge_notification(self, content_type: str, *, is_stored: bool) -> tuple[str, bytes]:
        """Content type and body of the answer, in the form the notification came in; HTTP 200."""
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
        """Asks what became of an attempt. Reads only; may be repeated.

        `Found` was held against `pg_order_id` and `amount_krw` where they are given. An approval
        of another amount is `Unknown` with its `pg_tid` and `amount_krw`. `NotFound` is true for
        now only. Once the PG tells nothing of that day any more, it is `Unknown` without asking.
        """
        ...

"""The channel: a merchant's contract with one provider, under one MID."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from dasi.providers.port import KeyFields, Language

LateApprovalPolicy = Literal["keep", "cancel"]
QUOTA_FROM_KRW = 50_000
"""Card companies offer instalments from this amount on."""
QUOTA_MONTHS_MAX = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A merchant's contract with a PG, as one row."""

    merchant_id: int
    channel_id: int
    channel_key: str
    """The value of `channelKey` in a merchant's page."""
    provider: str
    pg_merchant_id: str
    sealed_secret: bytes = field(repr=False)
    is_sandbox: bool
    is_default: bool
    key_fields: KeyFields
    language: Language
    late_approval_policy: LateApprovalPolicy
    """The fate of an approval that is found after the client got "not yet known" (M6)."""
    quota_months_max: int | None
    """The most months of instalments that a window offers if the page names none.

    0 is a lump sum only; None leaves the choice to the contract with the PG.
    """
    disabled_at: datetime | None
    """The moment since which it opens no more windows."""
    created_at: datetime

    def quotas_offered(self, amount_krw: int) -> tuple[int, ...] | None:
        """Return the months to offer for an amount, 0 for a lump sum; None: as in the contract."""
        if self.quota_months_max is None:
            return None
        if amount_krw < QUOTA_FROM_KRW:
            return (0,)
        return (0, *range(2, self.quota_months_max + 1))

    @property
    def pg(self) -> str:
        """The value of `pg` in a merchant's page."""
        return f"{self.provider}.{self.pg_merchant_id}"


class SealedAccount(Protocol):
    """The fields that open an account: those of a `Channel`, or of a row that has them."""

    @property
    def merchant_id(self) -> int: ...
    @property
    def provider(self) -> str: ...
    @property
    def pg_merchant_id(self) -> str: ...
    @property
    def sealed_secret(self) -> bytes: ...
    @property
    def is_sandbox(self) -> bool: ...
    @property
    def key_fields(self) -> KeyFields: ...
    @property
    def language(self) -> Language: ...

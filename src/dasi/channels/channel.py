"""The channel: a merchant's contract with one provider, under one MID."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

QUOTA_FROM_KRW = 50_000
"""Card companies offer instalments from this amount on."""
QUOTA_MONTHS_MAX = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    merchant_id: int
    channel_id: int
    channel_key: str
    """What a page gives as `channelKey`."""
    provider: str
    pg_merchant_id: str
    sealed_secret: bytes = field(repr=False)
    is_sandbox: bool
    is_default: bool
    key_fields: Literal["full", "number_expiry", "number_expiry_birth"]
    language: Literal["ko", "en", "ja", "zh"]
    late_approval_policy: Literal["keep", "cancel"]
    """What becomes of an approval that turns up after the caller was told "not yet known" (M6)."""
    quota_months_max: int | None
    """Instalments its window offers when a page names none: up to this many months, 0 for a lump
    sum only; None leaves it to the contract with the PG."""
    disabled_at: datetime | None
    """Since when it opens no more windows."""
    created_at: datetime

    def quotas_offered(self, amount_krw: int) -> tuple[int, ...] | None:
        """Months to offer for an amount, 0 being the lump sum; None: as the contract says."""
        if self.quota_months_max is None:
            return None
        if amount_krw < QUOTA_FROM_KRW:
            return (0,)
        return (0, *range(2, self.quota_months_max + 1))

    @property
    def pg(self) -> str:
        """What a page gives as `pg`."""
        return f"{self.provider}.{self.pg_merchant_id}"


class SealedAccount(Protocol):
    """What it takes to open a contract: a `Channel`, or a row that names as much."""

    @property
    def merchant_id(self) -> int: ...
    @property
    def pg_merchant_id(self) -> str: ...
    @property
    def sealed_secret(self) -> bytes: ...
    @property
    def is_sandbox(self) -> bool: ...
    @property
    def key_fields(self) -> Literal["full", "number_expiry", "number_expiry_birth"]: ...
    @property
    def language(self) -> Literal["ko", "en", "ja", "zh"]: ...

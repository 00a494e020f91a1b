"""The channel: a merchant's contract with one provider, under one mall id."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    merchant_id: int
    channel_id: int
    channel_key: str
    """What a page gives as `channelKey`."""
    provider: str
    mall_id: str
    sealed_secret: bytes = field(repr=False)
    is_sandbox: bool
    is_default: bool
    key_fields: Literal["full", "number_expiry", "number_expiry_birth"]
    language: Literal["ko", "en", "ja", "zh"]
    doubt_policy: Literal["adopt", "cancel"]
    """What becomes of an approval that turns up after the caller was told "not yet known" (M6)."""
    created_at: datetime

    @property
    def pg(self) -> str:
        """What a page gives as `pg`."""
        return f"{self.provider}.{self.mall_id}"


class SealedMall(Protocol):
    """What it takes to open a contract: a `Channel`, or a row that names as much."""

    @property
    def merchant_id(self) -> int: ...
    @property
    def mall_id(self) -> str: ...
    @property
    def sealed_secret(self) -> bytes: ...
    @property
    def is_sandbox(self) -> bool: ...
    @property
    def key_fields(self) -> Literal["full", "number_expiry", "number_expiry_birth"]: ...
    @property
    def language(self) -> Literal["ko", "en", "ja", "zh"]: ...

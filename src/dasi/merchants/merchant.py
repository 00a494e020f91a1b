"""The merchant: the shop that calls us."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    merchant_id: int
    code: str
    """What a page gives to `IMP.init`."""
    name: str
    webhook_url: str | None
    """Where it is told; None: it reads the feed."""
    test_webhook_url: str | None
    """Where it is told of what its test channels do; None: at `webhook_url`."""
    webhook_content_type: Literal["json", "form"]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySummary:
    """An API key as a list shows it. Its secret is nowhere to be had."""

    api_key: str
    created_at: datetime
    expires_at: datetime | None
    """When a rotated key ends; None: never."""
    used_at: datetime | None
    """When a token was last asked for with it, to the minute; a token lives half an hour."""

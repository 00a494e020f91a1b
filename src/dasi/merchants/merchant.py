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
    webhook_content_type: Literal["json", "form"]
    created_at: datetime

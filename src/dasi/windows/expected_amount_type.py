"""The amount an order was registered with, before its window. Shape only."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAmount:
    merchant_uid: str
    amount_krw: int
    currency: Literal["KRW"] | None
    """As given; there is no other currency here, so there is nothing to compare."""

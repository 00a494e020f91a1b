"""What a person's list of payments is about. Shapes, and how typed words are understood."""

import re
from dataclasses import dataclass
from datetime import datetime

from dasi.ledger import AMOUNT_MAX_KRW, Status

_WORD_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentQuery:
    """What a list shows. `words` is one id, buyer, last digits or amount, as a person types it."""

    words: str | None = None
    statuses: frozenset[Status] = frozenset()
    """Empty: any."""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is not shown any more."""
    customer_uid: str | None = None
    fail_code: str | None = None
    """As the PG, or the gateway, named why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTerms:
    """What was typed, as each kind of column would hold it."""

    text: str
    indexed: tuple[str, ...]
    """As `payment_search_terms` writes them: the merchant in front."""
    amount_krw: int | None


def parse_search(merchant_id: int, typed: str) -> SearchTerms:
    text = typed.strip()[:_WORD_MAX]
    digits = re.sub(r"[^0-9]", "", text)
    forms = {text, text.lower()}
    if re.fullmatch(r"[0-9]{4}", text):
        # KICC hides the last of a card's digits, so those it shows are all there is to find it by.
        forms.add(f"{text[:3]}*")
    if digits and re.fullmatch(r"[0-9+\-. ]+", text):
        forms.add(digits)
    plain = re.fullmatch(r"[₩￦]?\s*([0-9][0-9,]*)\s*원?", text)
    amount = int(plain[1].replace(",", "")) if plain else None
    return SearchTerms(
        text=text,
        indexed=tuple(sorted(f"{merchant_id} {form}" for form in forms)),
        amount_krw=amount if amount is not None and amount <= AMOUNT_MAX_KRW else None,
    )

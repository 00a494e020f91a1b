"""The payments that a user of the console looks for. Shapes only."""

from dataclasses import dataclass
from datetime import datetime

from dasi.ledger import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentQuery:
    """The payments of a console list."""

    text: str | None = None
    """The terms as the user typed them: ids, buyers, digits of a card, amounts or days.

    A text may be several of them: `20250115` is an amount, an order and a day."""
    statuses: frozenset[Status] = frozenset()
    """Empty: any."""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment after the range."""
    customer_uid: str | None = None
    is_sandbox: bool | None = None
    """True: test payments only. False: live payments only."""
    fail_code: str | None = None
    """The PG's or the gateway's code of the failure."""
    matches_buyer: bool = True
    """Whether `text` may be a buyer's name, e-mail address or telephone number."""

"""A payment window: the payer's way to the PG and back. Shapes only.

`opening`    the PG has not opened it yet
`open`       the payer may be in it
`confirming` the payer came back and the merchant has yet to confirm; happens once
`returned`   the payer came back and dasi requests, or has requested, the approval; happens once
`closed`     the payer closed it, it expired, or the PG refused to open it
"""

from dataclasses import dataclass, field
from typing import Literal

from dasi.ledger import Buyer, Payment

WindowState = Literal["opening", "open", "confirming", "returned", "closed"]
Progress = Literal["open", "processing", "unknown", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWindowRequest:
    """A page's request for a window. The interface has checked types and lengths."""

    merchant_uid: str
    amount_krw: int
    name: str
    device: Literal["pc", "mobile"]
    pg: str | None = None
    """`kicc`, `kicc.{MID}` or None for the default channel."""
    channel_key: str | None = None
    customer_uid: str | None = None
    """Its presence makes this a card registration."""
    customer_id: str | None = None
    buyer: Buyer = field(default_factory=Buyer)
    custom_data: str | None = None
    """A text as it came, or the JSON of another value."""
    is_custom_data_text: bool = False
    notice_urls: tuple[str, ...] = ()
    redirect_url: str | None = None
    page_origin: str | None = None
    """Scheme and host of the page that called. Only this page gets the result as a message."""
    asking_origin: str | None = None
    """The same, or of the page around our own frame."""
    language: Literal["ko", "en", "ja", "zh"] | None = None
    app_scheme: str | None = None
    user_agent: str | None = None
    tax_free_krw: int | None = None
    quotas_offered: tuple[int, ...] | None = None
    cards_offered: tuple[str, ...] | None = None
    """Brand slugs as of `Card.brand`; None offers all."""
    confirm_url: str | None = None
    """Called once, after the payer is authenticated and before dasi requests the approval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedWindow:
    """A window that the PG registered, with the URL for the payer."""

    window_token: str
    imp_uid: str
    merchant_uid: str
    window_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """A window as the holder of its token may see it."""

    window_token: str
    state: WindowState
    device: Literal["pc", "mobile"]
    redirect_url: str | None
    page_origin: str | None
    is_custom_data_text: bool
    """Whether the page passed a text; else the payment's `custom_data` is the JSON of a value."""
    return_code: str | None
    """The PG's own code and text of the return, when the payer came back."""
    return_text: str | None
    payment: Payment

    progress: Progress
    """The state for a waiting page. `processing`: a request to the PG is under way. `unknown`: its
    answer was lost; the payment stays pending and is resolved later. `done`: final."""

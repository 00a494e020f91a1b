"""The rules for a merchant's pages (A4): windows, return addresses, a replaced key's grace period.

Every client with the merchant code can open a window as a page does, so no page is trusted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dasi.engine import Engine
from dasi.foundation.errors import Invalid
from dasi.http.ssrf import BROWSER_SCHEMES

ADDRESSES_MAX = 50
REPLACED_KEY_DAYS_MAX = 90
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:]{2,45}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,60}):(//)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRules:
    return_addresses: tuple[str, ...]
    """Hosts (`shop.example`) and app schemes (`myapp:`) that a payer may be sent to."""
    requires_registered_windows: bool
    """A window must match what the merchant's server registered."""
    replaced_key_days: int
    """How long a replaced billing key is kept at the PG."""


async def find_page_rules(engine: Engine, merchant_id: int) -> PageRules:
    """Return the present rules of a merchant."""
    row = await engine.database.fetchrow(
        """SELECT return_addresses, requires_registered_windows, replaced_key_days
           FROM merchants WHERE merchant_id = $1""",
        merchant_id,
    )
    assert row is not None, f"merchant {merchant_id} is gone"
    return PageRules(**{**row, "return_addresses": tuple(row["return_addresses"])})


async def change_page_rules(
    engine: Engine,
    merchant_id: int,
    *,
    return_addresses: Sequence[str],
    requires_registered_windows: bool,
    replaced_key_days: int,
) -> PageRules:
    """Change the rules for future windows and replaced keys, and return them. Raises `Invalid`.

    A URL among the addresses counts as its host.
    """
    addresses = tuple(dict.fromkeys(_address(text) for text in return_addresses if text.strip()))
    if len(addresses) > ADDRESSES_MAX:
        raise Invalid("return_to", "count_at_most", maximum=ADDRESSES_MAX)
    if not 0 <= replaced_key_days <= REPLACED_KEY_DAYS_MAX:
        raise Invalid(
            "replaced_key_days", "number_between", minimum=0, maximum=REPLACED_KEY_DAYS_MAX
        )
    await engine.database.fetch(
        """UPDATE merchants
           SET return_addresses = $2, requires_registered_windows = $3, replaced_key_days = $4
           WHERE merchant_id = $1""",
        merchant_id,
        list(addresses),
        requires_registered_windows,
        replaced_key_days,
    )
    return PageRules(
        return_addresses=addresses,
        requires_registered_windows=requires_registered_windows,
        replaced_key_days=replaced_key_days,
    )


def _address(text: str) -> str:
    address = text.strip().lower()
    if address.startswith(("http://", "https://")):
        address = _host_of(address) or ""
    scheme = _SCHEME.fullmatch(address)
    if scheme is not None and scheme[1] not in {"http", "https", *BROWSER_SCHEMES}:
        return f"{scheme[1]}:"
    if scheme is not None or not _HOST.fullmatch(address):
        raise Invalid("return_to", "return_address", address=text.strip()[:80])
    return address


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None

"""Where a payer may be sent after a window: the page's own host, or what the merchant registered.

Every client with the merchant code can open a window, and its result page leads to an address of
that client's choice. Without this check the gateway would lead payers to any site or program.
"""

from urllib.parse import urlsplit

from dasi.foundation.errors import Invalid
from dasi.merchants import (
    Merchant,
)
from dasi.page_rules import PageRules
from dasi.windows.window import OpenWindowRequest

_WRAPPER_HOST = "detectchangingwebview"
"""Iamport's packages for apps (React Native, Flutter) return here and stop the navigation in the
app's own web view. No host has this name."""


def check_return_addresses(
    merchant: Merchant,
    rules: PageRules,
    request: OpenWindowRequest,
    *,
    registered_url: str | None,
) -> None:
    """Raise `Invalid` for a redirect URL or an app scheme that the merchant does not allow.

    Hosts that the merchant lists replace the page's own; those of its webhooks are allowed too.
    `registered_url` is what the merchant's server registered for this order.
    """
    schemes = {address for address in rules.return_addresses if address.endswith(":")}
    hosts = set(rules.return_addresses) - schemes or {_host(request.asking_origin)}
    hosts |= {_host(merchant.webhook_url), _host(merchant.test_webhook_url), _WRAPPER_HOST}
    app_scheme = request.app_scheme
    if app_scheme is not None and not schemes & {f"{app_scheme.partition(':')[0].lower()}:"}:
        raise Invalid("app_scheme", "return_scheme_allowed", scheme=app_scheme.partition(":")[0])
    if request.redirect_url is None or request.redirect_url == registered_url:
        return
    parts = urlsplit(request.redirect_url)
    if parts.scheme not in {"http", "https"}:
        if f"{parts.scheme}:" not in schemes:
            raise Invalid("m_redirect_url", "return_scheme_allowed", scheme=parts.scheme)
    elif parts.hostname not in hosts:
        raise Invalid("m_redirect_url", "return_host_allowed", host=parts.hostname)


def _host(url: str | None) -> str:
    return (urlsplit(url).hostname or "") if url else ""

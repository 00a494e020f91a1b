"""Merchants, their API keys and access tokens."""

from dasi.merchants import live_mode
from dasi.merchants.api_keys import (
    NewApiKey,
    add_api_key,
    add_merchant_with_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
from dasi.merchants.merchant import (
    add_merchant,
    change_webhook,
    find_merchant_by_code,
    has_extended_events,
    list_merchants,
    set_extended_events,
    set_retry_days,
)
from dasi.merchants.merchant_store import (
    Merchant,
    find_clock_offset,
)
from dasi.merchants.tokens import SEALED_TOKENS, authenticate, issue_token

__all__ = [
    "SEALED_TOKENS",
    "Merchant",
    "NewApiKey",
    "add_api_key",
    "add_merchant",
    "add_merchant_with_key",
    "authenticate",
    "change_webhook",
    "find_clock_offset",
    "find_merchant_by_code",
    "has_extended_events",
    "issue_token",
    "list_api_keys",
    "list_merchants",
    "live_mode",
    "revoke_api_key",
    "rotate_api_key",
    "set_extended_events",
    "set_retry_days",
]

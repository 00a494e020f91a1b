"""The merchants' room: who calls us, with which keys and tokens."""

from dasi.merchants.api_keys import (
    NewApiKey,
    add_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
from dasi.merchants.change import change_webhook, is_told_more, tell_more
from dasi.merchants.merchant import ApiKeyLine, Merchant
from dasi.merchants.register import add_merchant, find_merchant_by_code, list_merchants
from dasi.merchants.tokens import SEALED_TOKENS, TOKEN_LIFE, AccessToken, authenticate, issue_token

__all__ = [
    "SEALED_TOKENS",
    "TOKEN_LIFE",
    "AccessToken",
    "ApiKeyLine",
    "Merchant",
    "NewApiKey",
    "add_api_key",
    "add_merchant",
    "authenticate",
    "change_webhook",
    "find_merchant_by_code",
    "is_told_more",
    "issue_token",
    "list_api_keys",
    "list_merchants",
    "revoke_api_key",
    "rotate_api_key",
    "tell_more",
]

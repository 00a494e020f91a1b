"""Billing keys: the stored right to charge a card, one per customer of a merchant."""

from dasi.billing_keys.billing_key import SEALED_KEYS, BillingKey, Customer
from dasi.billing_keys.delete import remove_due_keys, remove_key
from dasi.billing_keys.find import (
    find_billing_key,
    find_billing_keys,
    key_channels,
    live_key,
    open_key,
)
from dasi.billing_keys.list import browse_keys, keys_of_customer
from dasi.billing_keys.save import keep_issued_key

__all__ = [
    "SEALED_KEYS",
    "BillingKey",
    "Customer",
    "browse_keys",
    "find_billing_key",
    "find_billing_keys",
    "keep_issued_key",
    "key_channels",
    "keys_of_customer",
    "live_key",
    "open_key",
    "remove_due_keys",
    "remove_key",
]

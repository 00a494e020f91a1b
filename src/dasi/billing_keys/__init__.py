"""The billing keys' room: the stored right to charge a card, one per customer of a merchant."""

from dasi.billing_keys.billing_key import SEALED_KEYS, BillingKey, Customer
from dasi.billing_keys.browse import KeyPage, browse_keys, keys_of_customer
from dasi.billing_keys.find import (
    find_billing_key,
    find_billing_keys,
    key_channels,
    live_key,
    open_key,
)
from dasi.billing_keys.keep import keep_issued_key
from dasi.billing_keys.key_line import KeyLine
from dasi.billing_keys.remove import remove_due_keys, remove_key

__all__ = [
    "SEALED_KEYS",
    "BillingKey",
    "Customer",
    "KeyLine",
    "KeyPage",
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

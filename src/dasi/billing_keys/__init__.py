"""Billing keys: the stored right to charge a card, one per customer of a merchant."""

from dasi.billing_keys.billing_key import SEALED_KEYS, BillingKey, Customer
from dasi.billing_keys.billing_key_store import active_key
from dasi.billing_keys.delete import delete_due_keys, delete_key
from dasi.billing_keys.find import find_billing_key, find_billing_keys, is_replaced, open_key
from dasi.billing_keys.list import browse_keys, keys_of_customer
from dasi.billing_keys.restore import restore_key
from dasi.billing_keys.save import save_issued_key

__all__ = [
    "SEALED_KEYS",
    "BillingKey",
    "Customer",
    "active_key",
    "browse_keys",
    "delete_due_keys",
    "delete_key",
    "find_billing_key",
    "find_billing_keys",
    "is_replaced",
    "keys_of_customer",
    "open_key",
    "restore_key",
    "save_issued_key",
]

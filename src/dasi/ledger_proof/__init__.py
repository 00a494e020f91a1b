"""The proof of the ledger (M9): seals of events and audit entries, and their verification."""

from dasi.ledger_proof.mac_key_store import SEALED_MAC_KEYS, preserve_mac_keys_any_merchant
from dasi.ledger_proof.seal import LedgerHead, ledger_head, seal_ledger
from dasi.ledger_proof.verify import VerificationReport, verify_ledger

__all__ = [
    "SEALED_MAC_KEYS",
    "LedgerHead",
    "VerificationReport",
    "ledger_head",
    "preserve_mac_keys_any_merchant",
    "seal_ledger",
    "verify_ledger",
]

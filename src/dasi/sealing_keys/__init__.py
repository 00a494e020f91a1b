"""The keys that seal secrets at rest: their source, the check at start, the rotation."""

from dasi.sealing_keys.key_source import has_key_source, with_vault_keys
from dasi.sealing_keys.reencrypt import ReencryptResult, reencrypt
from dasi.sealing_keys.sentinel import SENTINEL, check_sealing_keys

__all__ = [
    "SENTINEL",
    "ReencryptResult",
    "check_sealing_keys",
    "has_key_source",
    "reencrypt",
    "with_vault_keys",
]

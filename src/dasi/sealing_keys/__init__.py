"""The keys that seal secrets at rest: their source, and the rotation to a new one."""

from dasi.sealing_keys.reencrypt import ReencryptResult, reencrypt

__all__ = ["ReencryptResult", "reencrypt"]

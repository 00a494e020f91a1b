"""What every verb works with: the database, the clock, the vault and the PGs we know.

Made once by the composition root (`dasi.app`) and passed down; a test makes its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dasi.foundation.clock import Clock
from dasi.foundation.db import Database
from dasi.foundation.vault import Vault
from dasi.providers.port import Provider


@dataclass(frozen=True, slots=True)
class Engine:
    database: Database
    clock: Clock
    vault: Vault
    providers: Mapping[str, Provider]
    """By the provider's code: `{"kicc": …}`."""
    public_url: str
    """Where payers' browsers reach this gateway, without a trailing slash."""
    window_ttl_s: int
    """How long a window may stay open before its order ends."""
    allows_local_urls: bool = False
    """Whether a URL a merchant gave may lead to this machine and to private networks."""
    inline_lookup_delay_s: float = 0
    """How long a caller waits for a lost answer to be looked up before it is told of the doubt."""

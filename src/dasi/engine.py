"""The dependencies of every operation: the database, the clock, the vault and the providers.

The composition root (`dasi.app`) builds it once and passes it down; a test builds its own.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dasi.foundation.clock import Clock
from dasi.foundation.db import Database
from dasi.foundation.vault import Vault
from dasi.providers.port import Provider
from dasi.readiness import Readiness
from dasi.recovery import CommitMemory


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
    """Whether a merchant's URL may lead to this machine and to private networks."""
    commit_memory: CommitMemory | None = None
    """Checks each new connection of `database`; None in a test without failovers."""
    readiness: Readiness = field(default_factory=Readiness)
    """What this process is able to do, as its last check found it."""
    inline_lookup_delay_s: float = 0
    """How long a charge waits before a lost answer is looked up, within the caller's request."""

    def remember_commit(self, merchant_id: int, attempt_id: str) -> None:
        """Remember an attempt whose commit was confirmed (M11)."""
        if self.commit_memory is not None:
            self.commit_memory.remember(merchant_id, attempt_id)

    @property
    def is_exposed(self) -> bool:
        """Whether browsers on other machines reach this gateway."""
        host = urlsplit(self.public_url).hostname or ""
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host != "localhost" and not host.endswith(".localhost")

"""The dependencies of every operation: the database, the clock, the vault and the providers.

The composition root (`dasi.app`) builds it once and passes it down; a test builds its own.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from dasi.foundation.clock import Clock
from dasi.foundation.db import Database
from dasi.foundation.errors import NotAllowed
from dasi.foundation.vault import Vault
from dasi.providers.port import Provider
from dasi.readiness import Readiness
from dasi.recovery import CommitMemory

PublicUrlFault = Literal["public_url_on_loopback", "public_url_not_https"]


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
    public_url_fault: PublicUrlFault | None = None
    """Why no live channel works with `public_url`; None if it does, or in a rehearsal."""
    allows_local_urls: bool = False
    """Whether a merchant's URL may lead to this machine and to private networks."""
    commit_memory: CommitMemory | None = None
    """Checks each new connection of `database`; None in a test without failovers."""
    readiness: Readiness = field(default_factory=Readiness)
    """What this process is able to do, as its last check found it."""
    tracing: Any = None
    """The `dasi.tracing.Tracing` of this process; None without `DASI_TRACING`."""
    inline_lookup_delay_s: float = 0
    """How long a charge waits before a lost answer is looked up, within the caller's request."""

    def remember_commit(self, merchant_id: int, attempt_id: str) -> None:
        """Remember an attempt whose commit was confirmed (M11)."""
        if self.commit_memory is not None:
            self.commit_memory.remember(merchant_id, attempt_id)

    def ensure_public_url(self) -> None:
        """`NotAllowed` unless live payers and the PG are able to reach this gateway safely."""
        if self.public_url_fault is not None:
            raise NotAllowed(self.public_url_fault, public_url=self.public_url)

    @property
    def is_exposed(self) -> bool:
        """Whether browsers on other machines reach this gateway."""
        return not is_loopback(self.public_url)


def find_public_url_fault(public_url: str, *, live_pg_url: str) -> PublicUrlFault | None:
    """Return why a live channel must not be used with this public URL; None if it may be.

    A PG on this machine is a rehearsal without real money: then any public URL will do.
    """
    if is_loopback(live_pg_url):
        return None
    if is_loopback(public_url):
        return "public_url_on_loopback"
    return None if public_url.startswith("https://") else "public_url_not_https"


def is_loopback(url: str) -> bool:
    """Whether only programs on this machine reach the host of the URL."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified

"""The single checks: facts in, one `Check` out. No check asks anything itself but the disk."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dasi.readiness.server_store import ServerState

CLOCK_ERROR_MAX = timedelta(seconds=5)
"""Synchronised clocks differ by milliseconds. The first lookup of a lost answer comes after 2 s."""
DISK_FREE_MIN_BYTES = 256 * 1024 * 1024
"""What PostgreSQL may write between two checkpoints."""
_SYNCHRONOUS = frozenset({"on", "remote_apply", "remote_write"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `/health/ready`."""

    name: str
    is_able: bool
    text: str
    is_risky: bool = False
    """Whether it works now and may lose something: `dasi doctor` warns."""


def check_writes(state: ServerState) -> Check:
    text = "PostgreSQL accepts no writes" if state.is_read_only else "accepts writes"
    return Check(name="database", is_able=not state.is_read_only, text=text)


def check_clock(error: timedelta) -> Check:
    """`error`: by how much this machine's clock is ahead of PostgreSQL's."""
    side = "ahead of" if error > timedelta() else "behind"
    text = f"{abs(error).total_seconds():.1f} s {side} PostgreSQL's"
    is_able = abs(error) <= CLOCK_ERROR_MAX
    if not is_able:
        text += f"; at most {CLOCK_ERROR_MAX.total_seconds():.0f} s are allowed"
    return Check(name="clock", is_able=is_able, text=text)


def loses_commits(state: ServerState) -> bool:
    """Whether a standby that becomes the leader may miss a payment that was acknowledged."""
    is_synchronous = state.synchronous_commit in _SYNCHRONOUS and state.synchronous_standby_names
    return state.standbys > 0 and not is_synchronous


def check_standbys(state: ServerState, *, accepts_lost_payments: bool) -> Check:
    """A server whose standbys may miss payments takes no live ones. All else works."""
    if state.standbys == 0:
        text = "none"
    elif not loses_commits(state):
        text = f"{state.standbys}, synchronous"
    elif accepts_lost_payments:
        text = f"{state.standbys}, asynchronous: a failover may lose payments, which is accepted"
    else:
        text = (
            f"{state.standbys}, asynchronous: a failover may lose payments, so live charges are "
            "refused; set synchronous_standby_names in PostgreSQL"
        )
    return Check(name="standbys", is_able=True, text=text, is_risky=loses_commits(state))


def check_disk(folder: Path) -> Check:
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return Check(name="disk", is_able=False, text=f"{folder}: {error.strerror}")
    text = f"{free_bytes // 1024**2} MiB free in {folder}"
    is_able = free_bytes >= DISK_FREE_MIN_BYTES
    if not is_able:
        text += f"; {DISK_FREE_MIN_BYTES // 1024**2} MiB are needed"
    return Check(name="disk", is_able=is_able, text=text)

"""Notice a database that went back in time, and look up each request before it is sent (M11)."""

from dasi.recovery.commit_memory import CommitMemory
from dasi.recovery.earlier_request import find_earlier_outcome
from dasi.recovery.state import (
    RecoveryState,
    ensure_not_stopped,
    finish_when_over,
    publish_mode,
    recovery_state,
    set_mode,
)

__all__ = [
    "CommitMemory",
    "RecoveryState",
    "ensure_not_stopped",
    "find_earlier_outcome",
    "finish_when_over",
    "publish_mode",
    "recovery_state",
    "set_mode",
]

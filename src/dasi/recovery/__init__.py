"""Notice a database that went back in time or is a copy, and look up before sending (M11)."""

from dasi.recovery.commit_mark import CommitMark
from dasi.recovery.commit_memory import CommitMemory
from dasi.recovery.earlier_request import find_earlier_outcome, look_up_all_names
from dasi.recovery.identity import check_home, folder_home, make_home
from dasi.recovery.state import (
    RecoveryState,
    ensure_not_stopped,
    finish_when_over,
    held_error,
    is_held,
    publish_mode,
    recovery_state,
    set_mode,
)

__all__ = [
    "CommitMark",
    "CommitMemory",
    "RecoveryState",
    "check_home",
    "ensure_not_stopped",
    "find_earlier_outcome",
    "finish_when_over",
    "folder_home",
    "held_error",
    "is_held",
    "look_up_all_names",
    "make_home",
    "publish_mode",
    "recovery_state",
    "set_mode",
]

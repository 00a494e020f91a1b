"""Every setting of the programs, read and checked at start."""

from dasi.settings.settings import (
    KICC_LIVE_URL,
    SETTINGS,
    Settings,
    read_settings,
    unknown_names,
    without_ours,
)

__all__ = [
    "KICC_LIVE_URL",
    "SETTINGS",
    "Settings",
    "read_settings",
    "unknown_names",
    "without_ours",
]

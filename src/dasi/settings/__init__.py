"""Every setting of the programs, read and checked at start."""

from dasi.settings.environment import read_settings, unknown_names, without_ours
from dasi.settings.settings import Settings

__all__ = ["Settings", "read_settings", "unknown_names", "without_ours"]

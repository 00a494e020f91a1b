"""Every setting of the programs, read and checked at start."""

from dasi.settings.settings import Settings, read_settings, unknown_names, without_ours

__all__ = ["Settings", "read_settings", "unknown_names", "without_ours"]

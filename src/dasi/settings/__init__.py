"""Every setting of the programs, read and checked at start."""

from dasi.settings.env_file import add_env_file
from dasi.settings.environment import read_settings, unknown_names, without_ours
from dasi.settings.secret_files import is_set, text_of
from dasi.settings.settings import Settings

__all__ = [
    "Settings",
    "add_env_file",
    "is_set",
    "read_settings",
    "text_of",
    "unknown_names",
    "without_ours",
]

"""Make, check and restore backups of the embedded database."""

from dasi.backups.make import make_backup
from dasi.backups.restore import RestoredData, RestoreRequest, restore_backup

__all__ = ["RestoreRequest", "RestoredData", "make_backup", "restore_backup"]

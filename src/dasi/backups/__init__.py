"""Make, check and restore backups of the embedded database."""

from dasi.backups.make import make_backup
from dasi.backups.restore import RestoreRequest, restore_backup

__all__ = ["RestoreRequest", "make_backup", "restore_backup"]

"""The folder of backups and of the WAL archive: which there are, how old, and which may go."""

from dasi.backup_folder.archive_store import (
    archiver_state_any_merchant,
    cluster_any_merchant,
    copied_bytes_any_merchant,
    replayed_until_any_merchant,
)
from dasi.backup_folder.catalog import (
    CLUSTER,
    Backup,
    delete_expired,
    first_wal_of,
    list_backups,
    read_backup,
    remove_remains,
    sync_folder,
    wal_folder,
    write_backup,
)
from dasi.backup_folder.publish import publish_backup_metrics
from dasi.backup_folder.wal_archive import ArchiveSettings, archive_settings, restore_command

__all__ = [
    "CLUSTER",
    "ArchiveSettings",
    "Backup",
    "archive_settings",
    "archiver_state_any_merchant",
    "cluster_any_merchant",
    "copied_bytes_any_merchant",
    "delete_expired",
    "first_wal_of",
    "list_backups",
    "publish_backup_metrics",
    "read_backup",
    "remove_remains",
    "replayed_until_any_merchant",
    "restore_command",
    "sync_folder",
    "wal_folder",
    "write_backup",
]

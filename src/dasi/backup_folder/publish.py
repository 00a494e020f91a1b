"""The age of the newest backup and the state of the WAL archive, as metrics."""

import asyncio
from pathlib import Path

from prometheus_client import Gauge

from dasi.backup_folder.archive_store import archiver_state_any_merchant
from dasi.backup_folder.catalog import list_backups
from dasi.foundation.db import Database

_NEWEST = Gauge(
    "dasi_newest_backup_timestamp_seconds",
    "When the newest backup in DASI_BACKUP_DIR ended; 0 if there is none",
    multiprocess_mode="mostrecent",
)
_EXPECTED = Gauge(
    "dasi_backups_expected",
    "1 if DASI_BACKUP_DIR names a folder, so that the age of the newest backup counts",
    multiprocess_mode="mostrecent",
)
_ARCHIVED = Gauge(
    "dasi_wal_archived_timestamp_seconds",
    "When PostgreSQL last archived a WAL segment; 0 if never",
    multiprocess_mode="mostrecent",
)
_FAILING = Gauge(
    "dasi_wal_archive_failing",
    "1 while PostgreSQL cannot archive its WAL, which then fills its disk",
    multiprocess_mode="mostrecent",
)


async def publish_backup_metrics(database: Database, folder: str) -> None:
    """Publish the gauges, for an alarm. `folder`: the backups; empty if dasi makes none."""
    archiver = await archiver_state_any_merchant(database)
    _ARCHIVED.set(archiver.archived_at.timestamp() if archiver.archived_at else 0)
    _FAILING.set(archiver.is_failing)
    _EXPECTED.set(bool(folder))
    if folder:
        backups = await asyncio.to_thread(list_backups, Path(folder))
        _NEWEST.set(backups[0].ended_at.timestamp() if backups else 0)

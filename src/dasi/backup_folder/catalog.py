"""The folder of backups: which there are, how old, and which may go.

    FOLDER/20261129T021500Z/backup.json    what it is; written last
    FOLDER/20261129T021500Z/postgres/      the files of the cluster, with PostgreSQL's manifest
    FOLDER/wal/SYSTEM/                     the WAL archive of one cluster, by its identifier

A name that begins with a dot is of a backup that is being made, checked or deleted.
"""

import json
import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from dasi.foundation.errors import OperatorError

ABOUT, CLUSTER, _MANIFEST = "backup.json", "postgres", "backup_manifest"
_SEGMENT_BYTES = 16 * 1024 * 1024
_SEGMENTS_PER_FILE_ID = 0x1_0000_0000 // _SEGMENT_BYTES
_TIMELINE_DIGITS, _SEGMENT_NAME_DIGITS = 8, 24


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `backup.json`."""

    name: str
    began_at: datetime
    ended_at: datetime
    """It can be restored to this moment and, with the WAL archive, to later ones."""
    bytes: int
    system_identifier: str
    """PostgreSQL's number of the cluster."""
    postgresql: int
    """The major version, which a restore needs."""
    dasi: str
    installation_id: str
    sealing_key_ids: tuple[str, ...]
    """The ids of the keys that open its secrets, newest first. They are no secrets."""
    first_wal: str
    """The first WAL segment that it needs."""
    is_ledger_verified: bool
    """It was started on a copy, and the ledger was proven there. Its files are always checked."""


def list_backups(folder: Path) -> list[Backup]:
    """Return the complete backups of a folder, newest first."""
    backups = []
    for about in folder.glob(f"[!.]*/{ABOUT}"):
        try:
            backups.append(read_backup(about.parent))
        except OperatorError:
            continue  # a folder of another program
    return sorted(backups, key=lambda backup: backup.ended_at, reverse=True)


def read_backup(folder: Path) -> Backup:
    """Return what a backup says of itself. `OperatorError` if the folder is none."""
    try:
        return msgspec.json.decode((folder / ABOUT).read_bytes(), type=Backup)
    except (OSError, msgspec.DecodeError) as error:
        raise OperatorError(
            f"{folder} is no backup.",
            cause=f"Its {ABOUT} cannot be read: {error}.",
            hint="Name the folder of one backup, or the folder that holds all of them. "
            "`dasi backups` lists them.",
        ) from error


def write_backup(folder: Path, backup: Backup) -> None:
    """Write what a backup is, durably."""
    new = folder / f".{ABOUT}.new"
    with new.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(backup)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / ABOUT)
    sync_folder(folder)


def first_wal_of(cluster: Path) -> str:
    """Return the name of the first WAL segment that a copied cluster needs, from its manifest."""
    manifest = json.loads((cluster / _MANIFEST).read_bytes())
    first = min(manifest["WAL-Ranges"], key=lambda span: _lsn(span["Start-LSN"]))
    number = _lsn(first["Start-LSN"]) // _SEGMENT_BYTES
    return (
        f"{first['Timeline']:08X}"
        f"{number // _SEGMENTS_PER_FILE_ID:08X}{number % _SEGMENTS_PER_FILE_ID:08X}"
    )


def wal_folder(folder: Path, system_identifier: str) -> Path:
    return folder / "wal" / system_identifier


def delete_expired(folder: Path, *, keep: int) -> list[str]:
    """Delete all but the newest `keep` backups, and the WAL that none of those needs.

    Return the names of the deleted backups. Clusters are counted apart.
    """
    deleted: list[str] = []
    by_system: dict[str, list[Backup]] = {}
    for backup in list_backups(folder):
        by_system.setdefault(backup.system_identifier, []).append(backup)
    for system_identifier, backups in by_system.items():
        for backup in backups[keep:]:
            remove_folder(folder / backup.name)
            deleted.append(backup.name)
        _delete_wal(wal_folder(folder, system_identifier), backups[:keep])
    return deleted


def remove_folder(folder: Path) -> None:
    """Remove a backup under another name, so that none is ever half there."""
    leaving = folder.with_name(f".deleting-{folder.name.lstrip('.')}")
    shutil.rmtree(leaving, ignore_errors=True)
    folder.rename(leaving)
    shutil.rmtree(leaving)


def remove_remains(folder: Path) -> None:
    """Remove what an interrupted command left. The caller holds the lock of the folder."""
    for left in folder.glob(".*-*"):
        if left.is_dir() and left.name.startswith((".making-", ".checking-", ".deleting-")):
            shutil.rmtree(left)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete_wal(archive: Path, kept: Sequence[Backup]) -> None:
    """Delete segments before the first that a kept backup needs. Timeline files stay: a few bytes.

    As in pg_archivecleanup the timeline is not compared, because numbers go on across timelines.
    """
    first = min(backup.first_wal[_TIMELINE_DIGITS:] for backup in kept)
    for file in archive.glob("*.gz"):
        segment = file.name.partition(".")[0]
        if len(segment) == _SEGMENT_NAME_DIGITS and segment[_TIMELINE_DIGITS:] < first:
            file.unlink()


def _lsn(text: str) -> int:
    """`16/B374D848` as a number."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)

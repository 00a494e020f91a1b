"""The folder of backups: what is archived is never replaced, and no needed WAL is deleted."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dasi.backup_folder import Backup, archive_settings, delete_expired, list_backups, write_backup
from dasi.backup_folder.catalog import first_wal_of
from dasi.backup_folder.copy_wal import BROKEN, NOT_FOUND, archive, fetch
from dasi.foundation.errors import OperatorError

BEGAN = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
SEGMENT = "0000000100000000000000A1"


@pytest.fixture
def wal(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store/wal/77"


def add_backup(store: Path, *, day: int, first_wal: str) -> Backup:
    moment = BEGAN + timedelta(days=day)
    backup = Backup(
        name=f"{moment:%Y%m%dT%H%M%SZ}",
        began_at=moment,
        ended_at=moment,
        bytes=1,
        system_identifier="77",
        postgresql=18,
        dasi="0.1.0",
        installation_id="a",
        sealing_key_ids=("aa",),
        first_wal=first_wal,
        is_ledger_verified=False,
    )
    (store / backup.name).mkdir(parents=True)
    write_backup(store / backup.name, backup)
    return backup


def test_a_segment_is_archived_once_and_never_replaced(tmp_path: Path, wal: Path):
    segment = tmp_path / SEGMENT
    segment.write_bytes(b"first")
    assert archive(wal, segment, SEGMENT) == 0
    assert archive(wal, segment, SEGMENT) == 0, (
        "PostgreSQL repeats what it does not know to be done"
    )
    segment.write_bytes(b"of another cluster")
    assert archive(wal, segment, SEGMENT) != 0
    assert fetch(tmp_path / "back", SEGMENT, [wal]) == 0
    assert (tmp_path / "back").read_bytes() == b"first"
    assert [path.name for path in wal.iterdir()] == [f"{SEGMENT}.gz"]


def test_a_folder_that_is_not_mounted_takes_no_segment(tmp_path: Path):
    segment = tmp_path / SEGMENT
    segment.write_bytes(b"x")
    with pytest.raises(FileNotFoundError):
        archive(tmp_path / "missing/wal/77", segment, SEGMENT)


def test_a_damaged_segment_ends_the_recovery_and_a_missing_one_the_archive(
    tmp_path: Path, wal: Path
):
    wal.mkdir(parents=True)
    (wal / f"{SEGMENT}.gz").write_bytes(gzip.compress(b"x" * 10_000)[:30])
    assert fetch(tmp_path / "back", SEGMENT, [wal]) == BROKEN > 125
    assert fetch(tmp_path / "back", "0000000100000000000000A2", [wal]) == NOT_FOUND < 125


def test_segments_of_a_lost_data_folder_are_read_as_they_are(tmp_path: Path, wal: Path):
    lost = tmp_path / "lost/pg_wal"
    lost.mkdir(parents=True)
    (lost / SEGMENT).write_bytes(b"newest")
    assert fetch(tmp_path / "back", SEGMENT, [wal, lost]) == 0
    assert (tmp_path / "back").read_bytes() == b"newest"


def test_old_backups_go_with_the_wal_that_only_they_need(tmp_path: Path, wal: Path):
    store = tmp_path / "store"
    wal.mkdir(parents=True)
    names = [f"00000001000000000000000{digit}" for digit in "1379"]
    # After a restore the timeline is higher and the numbers go on.
    names += ["000000020000000000000008", "00000002.history"]
    for name in names:
        (wal / f"{name}.gz").touch()
    for day, number in enumerate((1, 5, 8)):
        add_backup(store, day=day, first_wal=f"00000001000000000000000{number}")
    (store / "notes").mkdir()

    deleted = delete_expired(store, keep=2)

    assert deleted == ["20261129T030000Z"]
    assert [backup.name for backup in list_backups(store)] == [
        "20261201T030000Z",
        "20261130T030000Z",
    ]
    assert sorted(path.name.removesuffix(".gz") for path in wal.iterdir()) == sorted(
        ["000000010000000000000007", "000000010000000000000009", *names[-2:]]
    )
    assert (store / "notes").exists(), "it is none of ours"


def test_the_first_segment_of_a_backup_is_read_from_its_manifest(tmp_path: Path):
    (tmp_path / "backup_manifest").write_text(
        '{"WAL-Ranges": [{"Timeline": 2, "Start-LSN": "1A/FF000028", "End-LSN": "1B/0"}]}'
    )
    assert first_wal_of(tmp_path) == "000000020000001A000000FF"


def test_the_data_folder_remembers_where_backups_go(tmp_path: Path):
    data, store = tmp_path / "data", tmp_path / "store"
    data.mkdir()
    assert archive_settings(data, {}).server_settings({}) == {}
    archive_settings(data, {"DASI_BACKUP_DIR": str(store)}).keep(data)

    remembered = archive_settings(data, {})

    assert remembered.folder == str(store)
    parameters = remembered.server_settings({"DASI_WAL_ARCHIVE_TIMEOUT_S": "5"})
    assert parameters["archive_mode"] == "on"
    assert parameters["archive_timeout"] == "5s"
    assert str(store) in parameters["archive_command"]
    own = archive_settings(data, {"DASI_WAL_ARCHIVE_COMMAND": "upload %p %f"})
    assert own.server_settings({})["archive_command"] == "upload %p %f"
    archive_settings(data, {"DASI_BACKUP_DIR": "none"}).keep(data)
    assert archive_settings(data, {}).server_settings({}) == {}


def test_backups_inside_the_data_are_refused(tmp_path: Path):
    with pytest.raises(OperatorError, match="inside the data folder"):
        archive_settings(tmp_path, {"DASI_BACKUP_DIR": str(tmp_path / "backups")})

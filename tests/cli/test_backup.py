"""`dasi backup`, `dasi backups` and `dasi restore` as an operator runs them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import up_url
from support.dasi_program import dasi, facts, running

MERCHANT = ("merchant", "add", "--code", "imp00000001", "--name", "x")
RESTORE = ("restore", "store", "--data", "back", "--keys", "data-keys")


@pytest.fixture(scope="module")
def backed_up() -> Iterator[Path]:
    """A folder with data that no longer runs, its keys, and the newer of two backups of it."""
    folder = Path(tempfile.mkdtemp(prefix="dasi-cli-"))
    (folder / "store").mkdir()
    env = {"DASI_BACKUP_DIR": str(folder / "store")}
    with running("up", "--data", "data", "--port", "0", env=env, cwd=folder) as up:
        up_url(up)
        first = facts("backup", "--data", "data", cwd=folder)
        assert first["wal_archive"] == "on", "the data folder remembers it"
        facts(*MERCHANT, "--data", "data", cwd=folder)
        second = dasi("backup", "--data", "data", "--keep", "1", cwd=folder)
        assert second.returncode == 0, second.stderr
        assert "holds no sealing keys" in second.stderr
        assert not (folder / "store" / first["backup"]).exists()
        assert up.stop() == 0
    yield folder
    shutil.rmtree(folder)


def test_a_backup_is_restored_into_an_empty_folder(backed_up: Path):
    (kept,) = facts("backups", "--to", "store", "--max-age", "1h", cwd=backed_up)
    assert dasi(*RESTORE, cwd=backed_up).returncode == 1, "it asks, and nobody answers"
    restored = facts(*RESTORE, "--yes", cwd=backed_up)

    assert (restored["backup"], restored["mode"]) == (kept["backup"], "recovering")
    (merchant,) = facts("merchant", "list", "--data", "back", cwd=backed_up)
    assert merchant["code"] == "imp00000001"
    refused = dasi(*RESTORE, "--yes", cwd=backed_up)
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr


def test_an_old_backup_has_an_exit_code_of_its_own(backed_up: Path):
    assert dasi("backups", "--to", "store", "--max-age", "0s", cwd=backed_up).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--until", "2001-01-01T00:00"), "There is no backup from before"),
        (("--until", "2099-01-01T00:00"), "The archived WAL ends before --until."),
        (("--keys", "nowhere"), "The sealing keys of this backup are missing."),
    ],
)
def test_a_restore_that_cannot_be_right_leaves_nothing(
    backed_up: Path, arguments: tuple[str, ...], message: str
):
    refused = dasi(
        *("restore", "store", "--data", "new", "--keys", "data-keys", "--yes"),
        *arguments,
        cwd=backed_up,
    )
    assert refused.returncode == 1
    assert message in refused.stderr
    assert not (backed_up / "new").exists() or not list((backed_up / "new").iterdir())


def test_a_damaged_backup_is_refused(backed_up: Path, tmp_path: Path):
    shutil.copytree(backed_up / "store", tmp_path / "store")
    (about,) = (tmp_path / "store").glob("*/backup.json")
    backup = about.parent
    file = max((backup / "postgres/base").rglob("*"), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    refused = dasi(
        *("restore", tmp_path / "store", "--data", tmp_path / "back"),
        *("--keys", backed_up / "data-keys", "--yes"),
        cwd=tmp_path,
    )

    assert refused.returncode == 1
    assert "is damaged" in refused.stderr
    assert not (tmp_path / "back/postgres").exists()


def test_an_external_database_is_left_to_its_own_tools(tmp_path: Path):
    refused = dasi("backup", env={"DASI_DATABASE_URL": "postgresql://db/dasi"}, cwd=tmp_path)
    assert refused.returncode == 1
    assert "the embedded database only" in refused.stderr

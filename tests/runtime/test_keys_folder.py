"""The sealing keys of a data folder: apart from it, found again, never made twice."""

from pathlib import Path

import pytest

from dasi.foundation.errors import OperatorError
from dasi.foundation.vault import new_key, parse_keys
from dasi.runtime.keys_folder import KeysFile, find_keys_file


def find(
    data: Path, keys: Path | None = None, *, may_make: bool = False, may_move: bool = True
) -> KeysFile:
    return find_keys_file(data, keys, may_make=may_make, may_move=may_move)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "dasi-data"
    folder.mkdir()
    return folder


def test_new_keys_are_made_beside_the_data_and_readable_by_their_owner_only(data: Path) -> None:
    made = find(data, may_make=True).path
    assert made == data.parent / "dasi-keys/vault.keys"
    assert (made.parent.stat().st_mode & 0o777, made.stat().st_mode & 0o777) == (0o700, 0o600)
    assert len(parse_keys(made.read_text().strip())) == 1
    assert find(data, may_make=True).path.read_text() == made.read_text(), "and kept"


def test_two_data_folders_have_two_keys_folders(tmp_path: Path) -> None:
    folders = [find(tmp_path / name, may_make=True).path.parent.name for name in ("a", "b-data")]
    assert folders == ["a-keys", "b-keys"]


def test_another_folder_is_remembered_until_one_is_named_again(data: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    made = find(data, first, may_make=True).path
    assert find(data).path == made == first / "vault.keys"
    second.mkdir()
    made.rename(second / "vault.keys")
    with pytest.raises(OperatorError, match="are gone") as refused:
        find(data)
    assert "--keys" in refused.value.hint
    assert find(data, second).path == find(data).path == second / "vault.keys"


def test_a_data_folder_that_is_not_made_yet_remembers_too(tmp_path: Path) -> None:
    made = find(tmp_path / "new", tmp_path / "keys", may_make=True).path
    assert find(tmp_path / "new").path == made == tmp_path / "keys/vault.keys"


def test_keys_inside_the_data_move_out(data: Path) -> None:
    (data / "vault.keys").write_text(key := new_key())
    moved = find(data)
    assert moved == KeysFile(data.parent / "dasi-keys/vault.keys", data / "vault.keys")
    assert moved.path.read_text() == key
    assert not (data / "vault.keys").exists()
    assert find(data).moved_from is None


def test_keys_inside_data_in_use_are_used_where_they_are(data: Path) -> None:
    (data / "vault.keys").write_text(new_key())
    assert find(data, may_move=False) == KeysFile(data / "vault.keys", None)


def test_two_different_files_are_refused(data: Path) -> None:
    find(data, may_make=True)
    (data / "vault.keys").write_text(new_key())
    with pytest.raises(OperatorError, match="two files with different sealing keys"):
        find(data)
    assert (data / "vault.keys").exists()


def test_a_move_that_was_interrupted_ends_with_one_file(data: Path) -> None:
    made = find(data, may_make=True).path
    (data / "vault.keys").write_text(made.read_text())
    assert find(data).path == made
    assert not (data / "vault.keys").exists()


def test_a_folder_that_cannot_be_written_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot be written") as refused:
        find(data, tmp_path / "file/keys", may_make=True)
    assert "--keys" in refused.value.hint


def test_data_on_a_volume_of_its_own_needs_a_named_folder() -> None:
    volume = Path("/dev/shm")  # a filesystem of its own on Linux
    if not volume.is_dir() or volume.stat().st_dev == volume.parent.stat().st_dev:
        pytest.skip("no volume of its own to try it on")
    with pytest.raises(OperatorError, match="Name the folder of the sealing keys"):
        find(volume, may_make=True)

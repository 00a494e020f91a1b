"""The folder of the sealing keys, apart from the data that they open.

    folder/vault.keys    as DASI_VAULT_KEYS, mode 0600, in a folder of mode 0700

By default it is beside the data folder: `dasi-keys` beside `dasi-data`. `dasi up --keys` names
another one, which the data folder remembers in its file `keys-folder`.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dasi.foundation import vault
from dasi.foundation.errors import OperatorError

KEYS_FILE = "vault.keys"
_REMEMBERED = "keys-folder"


@dataclass(frozen=True, slots=True)
class KeysFile:
    path: Path
    moved_from: Path | None
    """Where the file was before, in the data folder."""


def find_keys_file(data: Path, keys: Path | None, *, may_make: bool, may_move: bool) -> KeysFile:
    """Return the file with the sealing keys of a data folder.

    `keys`: the folder that the operator names. `may_make`: there is no data yet. `may_move`: no
    other dasi works on the data, so keys inside it move out. `OperatorError` if there are none.
    """
    folder = keys or keys_folder(data)
    file, former = folder.absolute() / KEYS_FILE, data.absolute() / KEYS_FILE
    moved_from = None
    if former != file and former.exists():
        if file.exists():
            _drop_copy(former, file)
        elif may_move:
            _write(file, former.read_bytes())
            former.unlink()
            moved_from = former
        else:
            file = former
    elif not file.exists():
        if not may_make:
            raise _lost(data, file)
        if keys is None:
            _refuse_volume(data, folder)
        _write(file, f"{vault.new_key()}\n".encode())
    if keys is not None:
        _remember(data, folder)
    return KeysFile(file, moved_from)


def keys_folder(data: Path) -> Path:
    """Return the folder that the data folder remembers, or the default beside it."""
    return _remembered_folder(data) or _default_folder(data)


def _default_folder(data: Path) -> Path:
    folder = data.absolute().resolve()
    return folder.with_name(f"{folder.name.removesuffix('-data')}-keys")


def _remembered_folder(data: Path) -> Path | None:
    with suppress(FileNotFoundError):
        return Path((data / _REMEMBERED).read_text(encoding="utf-8").strip())
    return None


def _remember(data: Path, folder: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / _REMEMBERED).write_text(f"{folder.absolute()}\n", encoding="utf-8")
    except OSError as refused:
        raise OperatorError(
            f"The data folder {data.absolute()} cannot be used.",
            cause=f"{refused.strerror}: {refused.filename}.",
            hint="Choose another folder with --data, or make this one writable.",
        ) from refused


def _write(file: Path, content: bytes) -> None:
    """Write it durably. A file that another start has made meanwhile stays."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as new:
                new.write(content)
                new.flush()
                os.fsync(new.fileno())
    except OSError as refused:
        raise OperatorError(
            f"The sealing keys cannot be written to {file.parent}.",
            cause=f"{refused.strerror}: {refused.filename}.",
            hint="Name a folder with `dasi up --keys`, apart from the data, or make this one "
            "writable.",
        ) from refused


def _drop_copy(former: Path, file: Path) -> None:
    """Remove keys inside the data that are the same as those outside."""
    if former.read_bytes().strip() != file.read_bytes().strip():
        raise OperatorError(
            "There are two files with different sealing keys.",
            cause=f"{former} and {file} differ.",
            hint="Keep the file that belongs to this data, and remove the other one.",
        )
    former.unlink()


def _lost(data: Path, file: Path) -> OperatorError:
    return OperatorError(
        f"The sealing keys of {data.absolute()} are gone.",
        cause=f"The folder holds data, but there is no {file}; new keys could not open what the "
        "old ones sealed.",
        hint=f"Put {KEYS_FILE} back from a backup, name its folder with `dasi up --keys`, or set "
        "DASI_VAULT_KEYS_FILE.",
    )


def _refuse_volume(data: Path, folder: Path) -> None:
    """Refuse a default folder on another filesystem than the data, such as a container's own."""
    if data.exists() and data.stat().st_dev != data.absolute().parent.stat().st_dev:
        raise OperatorError(
            "Name the folder of the sealing keys.",
            cause=f"{data} is a volume of its own, and {folder} may not last as long.",
            hint="Add --keys DIR, on another volume that lasts.",
        )

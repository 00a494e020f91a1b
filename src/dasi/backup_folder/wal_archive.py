"""Continuous archiving of the embedded PostgreSQL: to a folder, or by the operator's command.

The data folder remembers both in `backups.json`, because a server that runs once without archiving
leaves a gap that no restore can cross.
"""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from dasi.backup_folder import copy_wal
from dasi.backup_folder.catalog import wal_folder
from dasi.foundation.errors import OperatorError

FOLDER, COMMAND = "DASI_BACKUP_DIR", "DASI_WAL_ARCHIVE_COMMAND"
TIMEOUT, TIMEOUT_DEFAULT_S = "DASI_WAL_ARCHIVE_TIMEOUT_S", 60
_REMEMBERED = "backups.json"
_OFF = "none"


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where backups and WAL go. A command takes the WAL in place of the folder."""

    folder: str | None = None
    command: str | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables for the programs that run on this data."""
        values = {FOLDER: self.folder, COMMAND: self.command}
        return {name: value for name, value in values.items() if value is not None}

    def server_settings(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return PostgreSQL's parameters. Empty: nothing is archived."""
        if self.command is not None:
            command = self.command
        elif self.folder is not None:
            command = f"{_program('archive')} {_quoted(Path(self.folder))} %f"
        else:
            return {}
        timeout_s = environment.get(TIMEOUT, "").strip() or str(TIMEOUT_DEFAULT_S)
        return {
            "archive_mode": "on",
            "archive_command": command,
            "archive_timeout": f"{timeout_s}s",
        }

    def keep(self, data: Path) -> None:
        """Remember the settings in the data folder, and archive its timeline files.

        A restore makes a timeline file before archiving is on. Without it, a later restore would
        stay on the old timeline. `OperatorError` if the archive has another one of that name.
        """
        if self != _read(data):
            new = data / f".{_REMEMBERED}.new"
            new.write_bytes(msgspec.json.encode(self) + b"\n")
            new.replace(data / _REMEMBERED)
        if self.command is None and self.folder is not None and Path(self.folder).is_dir():
            _archive_timelines(data / "postgres", Path(self.folder))


def archive_settings(data: Path, environment: Mapping[str, str]) -> ArchiveSettings:
    """Return the settings of the environment, else those that the data folder remembers.

    `OperatorError` if the backups would lie inside the data.
    """
    remembered = _read(data)
    settings = ArchiveSettings(
        folder=_chosen(environment.get(FOLDER, ""), remembered.folder),
        command=_chosen(environment.get(COMMAND, ""), remembered.command),
    )
    if settings.folder is None:
        return settings
    folder = Path(settings.folder).absolute()
    if folder.resolve().is_relative_to(data.absolute().resolve()):
        raise OperatorError(
            f"The backups would lie inside the data folder {data}.",
            cause=f"{FOLDER} is {folder}. What destroys the data would destroy them too.",
            hint=f"Name a folder on another disk or machine in {FOLDER}.",
        )
    return ArchiveSettings(folder=str(folder), command=settings.command)


def restore_command(folders: Sequence[Path]) -> str:
    """Return PostgreSQL's `restore_command` that reads from archive folders, in their order."""
    return " ".join((_program("fetch"), "%p", "%f", *map(_quoted, folders)))


def _chosen(text: str, remembered: str | None) -> str | None:
    """The value of a variable; `none` switches off, and an unset one keeps what is remembered."""
    text = text.strip()
    return remembered if not text else None if text == _OFF else text


def _archive_timelines(cluster: Path, folder: Path) -> None:
    archive = wal_folder(folder, copy_wal.system_identifier(cluster))
    for history in sorted((cluster / "pg_wal").glob("*.history")):
        if copy_wal.archive(archive, history, history.name) != 0:
            raise OperatorError(
                f"The WAL archive in {folder} belongs to another copy of this database.",
                cause=f"Its {history.name} differs: a backup was restored twice, and the other "
                "copy archives there.",
                hint=f"Name an empty folder in {FOLDER}, start again, and run `dasi backup`.",
            )


def _read(data: Path) -> ArchiveSettings:
    try:
        return msgspec.json.decode((data / _REMEMBERED).read_bytes(), type=ArchiveSettings)
    except FileNotFoundError:
        return ArchiveSettings()


def _program(verb: str) -> str:
    return f"{_quoted(Path(sys.executable))} -I -S {_quoted(Path(copy_wal.__file__))} {verb}"


def _quoted(path: Path) -> str:
    """For the shell; PostgreSQL reads a doubled percent sign as one."""
    return shlex.quote(os.fspath(path)).replace("%", "%%")

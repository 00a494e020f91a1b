"""The data folder of one machine, with an embedded database, and its sealing keys beside it.

    folder/lock, postgres/, postgres.log, socket/    see dasi.runtime.embedded_postgres
    folder/keys-folder                               see dasi.runtime.keys_folder
    folder/newest-commits.json                       see dasi.recovery.commit_mark
    folder/backups.json                              see dasi.backup_folder

A database named by DASI_DATABASE_URL comes first: then the folder is not touched.
"""

import fcntl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dasi.backup_folder import ArchiveSettings, archive_settings
from dasi.foundation.errors import OperatorError
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.runtime.keys_folder import KeysFile, find_keys_file
from dasi.sealing_keys import has_key_source
from dasi.settings import is_set, text_of

DEFAULT = Path("dasi-data")
_URL, _OWNER_URL = "DASI_DATABASE_URL", "DASI_DATABASE_OWNER_URL"


@dataclass(frozen=True, slots=True)
class DataDir:
    environment: dict[str, str]
    """What `read_settings` and child processes need, without the URL of the schema's owner."""
    owner_url: str
    """For migrations. The same role as the application's if no other one is set."""
    postgres: EmbeddedPostgres | None
    """The server, when it is ours to watch."""
    is_new: bool
    keys_file: KeysFile | None = None
    """The file of the embedded database's sealing keys, unless a setting names their source."""


@asynccontextmanager
async def running_database(
    folder: Path, environment: Mapping[str, str], *, keys: Path | None = None
) -> AsyncIterator[DataDir]:
    """Start the folder's database, create it at the first start, and stop it at the end.

    `keys`: the folder of the sealing keys, if the operator names one.
    """
    if is_set(environment, _URL):
        yield _external(environment)
        return
    is_new = not (folder / "postgres").exists()
    archive = archive_settings(folder, environment)
    keys_file = None
    if is_new and not has_key_source(environment):
        # Before the data: data whose first start is interrupted must not be without keys.
        keys_file = find_keys_file(folder, keys, may_make=True, may_move=True)
    postgres = EmbeddedPostgres(folder, durable=True, settings=archive.server_settings(environment))
    await postgres.start()
    try:
        archive.keep(folder)
        if not is_new and not has_key_source(environment):
            keys_file = find_keys_file(folder, keys, may_make=False, may_move=True)
        yield _with_folder(folder, environment, postgres, keys_file, archive, is_new=is_new)
    finally:
        await postgres.stop()


@asynccontextmanager
async def connect_database(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[DataDir]:
    """The database a short command works on: named, running in the folder, or started for it."""
    if is_set(environment, _URL):
        yield _external(environment)
    elif not (folder / "postgres").exists():
        raise OperatorError(
            "There is no database to work on.",
            cause=f"DASI_DATABASE_URL is not set and the folder {folder} holds no data.",
            hint="Start `dasi up` in another terminal, name its folder with --data, or set "
            "DASI_DATABASE_URL.",
        )
    elif is_in_use(folder):
        running = EmbeddedPostgres(folder, durable=True)
        keys_file = None
        if not has_key_source(environment):
            keys_file = find_keys_file(folder, None, may_make=False, may_move=False)
        archive = archive_settings(folder, environment)
        opened = _with_folder(folder, environment, running, keys_file, archive)
        yield replace(opened, postgres=None)
    else:
        async with running_database(folder, environment) as opened:
            yield opened


def session_url(environment: Mapping[str, str]) -> str:
    """Return the URL for a session of its own, past a transaction pooler if there is one."""
    direct = text_of(environment, "DASI_DATABASE_DIRECT_URL")
    return text_of(environment, _URL) if direct in ("", "none") else direct


def _external(environment: Mapping[str, str]) -> DataDir:
    variables = _without_owner(environment)
    owner_url = text_of(environment, _OWNER_URL)
    if owner_url in ("", "none"):
        owner_url = session_url(variables)
    return DataDir(variables, owner_url, None, is_new=False)


def _without_owner(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(_OWNER_URL)}


def _with_folder(
    folder: Path,
    environment: Mapping[str, str],
    postgres: EmbeddedPostgres,
    keys_file: KeysFile | None,
    archive: ArchiveSettings,
    *,
    is_new: bool = False,
) -> DataDir:
    variables = _without_owner(environment)
    variables["DASI_DATABASE_URL"] = postgres.app_url
    variables["DASI_DATA_FOLDER"] = str(postgres.log.parent)
    if not variables.get("DASI_STATE_DIR", "").strip():
        variables["DASI_STATE_DIR"] = str(folder.absolute())
    variables |= archive.environment()
    if keys_file is not None:
        # The path and not the keys: an environment shows in more places than a file.
        variables["DASI_VAULT_KEYS_FILE"] = str(keys_file.path)
    return DataDir(variables, postgres.url, postgres, is_new=is_new, keys_file=keys_file)


def is_in_use(folder: Path) -> bool:
    """Whether a dasi runs on it now."""
    with suppress(FileNotFoundError), (folder / "lock").open("r+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False

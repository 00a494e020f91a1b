"""The data folder of one machine: an embedded database and the keys that seal its secrets.

    folder/lock, postgres/, postgres.log, socket/    see dasi.runtime.embedded_postgres
    folder/vault.keys                                as DASI_VAULT_KEYS, mode 0600

A database named by DASI_DATABASE_URL comes first: then the folder is not touched.
"""

import fcntl
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dasi.foundation import vault
from dasi.foundation.errors import OperatorError
from dasi.runtime.embedded_postgres import EmbeddedPostgres

DEFAULT = Path("dasi-data")
_KEYS = "vault.keys"
_OWNER_URL = "DASI_DATABASE_OWNER_URL"


@dataclass(frozen=True, slots=True)
class DataDir:
    environment: dict[str, str]
    """What `read_settings` and child processes need, without the URL of the schema's owner."""
    owner_url: str
    """For migrations. The same role as the application's if no other one is set."""
    postgres: EmbeddedPostgres | None
    """The server, when it is ours to watch."""
    is_new: bool


@asynccontextmanager
async def running_database(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[DataDir]:
    """Start the folder's database, create it at the first start, and stop it at the end."""
    if environment.get("DASI_DATABASE_URL", "").strip():
        yield _external(environment)
        return
    is_new = not (folder / "postgres").exists()
    postgres = EmbeddedPostgres(folder, durable=True)
    await postgres.start()
    try:
        yield DataDir(
            _with_folder(folder, environment, postgres, is_new), postgres.url, postgres, is_new
        )
    finally:
        await postgres.stop()


@asynccontextmanager
async def connect_database(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[DataDir]:
    """The database a short command works on: named, running in the folder, or started for it."""
    if environment.get("DASI_DATABASE_URL", "").strip():
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
        variables = _with_folder(folder, environment, running, False)
        yield DataDir(variables, running.url, None, is_new=False)
    else:
        async with running_database(folder, environment) as opened:
            yield opened


def session_url(environment: Mapping[str, str]) -> str:
    """Return the URL for a session of its own, past a transaction pooler if there is one."""
    direct = environment.get("DASI_DATABASE_DIRECT_URL", "").strip()
    return environment["DASI_DATABASE_URL"] if direct in ("", "none") else direct


def _external(environment: Mapping[str, str]) -> DataDir:
    variables = dict(environment)
    owner_url = variables.pop(_OWNER_URL, "").strip()
    if owner_url in ("", "none"):
        owner_url = session_url(variables)
    return DataDir(variables, owner_url, None, is_new=False)


def _with_folder(
    folder: Path, environment: Mapping[str, str], postgres: EmbeddedPostgres, is_new: bool
) -> dict[str, str]:
    vault_keys = environment.get("DASI_VAULT_KEYS", "").strip()
    return {
        **{name: value for name, value in environment.items() if name != _OWNER_URL},
        "DASI_DATABASE_URL": postgres.app_url,
        "DASI_VAULT_KEYS": vault_keys or _kept_keys(folder, may_make=is_new),
    }


def _kept_keys(folder: Path, *, may_make: bool) -> str:
    file = folder / _KEYS
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError as gone:
        if not may_make:
            raise OperatorError(
                f"The sealing keys of {folder.absolute()} are gone.",
                cause=f"It holds data, but not {_KEYS}; new keys could not open what the old ones "
                "sealed.",
                hint=f"Put {_KEYS} back from a backup, or set DASI_VAULT_KEYS to its content.",
            ) from gone
    keys = vault.new_key()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as new:
        new.write(keys + "\n")
        new.flush()
        os.fsync(new.fileno())
    return keys


def is_in_use(folder: Path) -> bool:
    """Whether a dasi runs on it now."""
    with suppress(FileNotFoundError), (folder / "lock").open("r+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False

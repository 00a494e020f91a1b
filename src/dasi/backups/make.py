"""Make a backup: copy the running cluster, check every file, and let old backups go.

A backup has its name only when it is complete and checked. The next command removes
the files of an interrupted one.
"""

import asyncio
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec

from dasi import __version__
from dasi.backup_folder import (
    CLUSTER,
    Backup,
    cluster_any_merchant,
    copied_bytes_any_merchant,
    delete_expired,
    first_wal_of,
    remove_remains,
    sync_folder,
    write_backup,
)
from dasi.backups.postgres_tools import copy_cluster, tools, verify_files
from dasi.backups.verify import verify_ledger_of
from dasi.engine import Engine
from dasi.foundation.db import connect
from dasi.foundation.errors import OperatorError
from dasi.ledger_proof import VerificationReport

Progress = Callable[[str, int, int], None]
"""Called with a step ("copy"), the bytes that are done, and all bytes."""
_POLL_S = 0.2
_SPARE_BYTES = 64 * 1024 * 1024


async def make_backup(
    engine: Engine,
    owner_url: str,
    folder: Path,
    *,
    keep: int | None,
    must_verify_ledger: bool,
    on_progress: Progress,
) -> tuple[Backup, VerificationReport | None, list[str]]:
    """Make a backup in `folder`; return it, its verification, and the names of deleted ones.

    `folder`: an absolute path. `keep`: how many backups stay; None keeps all. Nothing is deleted if
    the ledger of the new one is not proven. `OperatorError` if it cannot be made; nothing of it is
    left then.
    """
    binaries = tools()
    with _locked(folder):
        began_at = engine.clock.now()
        size, system_identifier, installation_id = await _describe(owner_url)
        _require_space(folder, size * (2 if must_verify_ledger else 1) + _SPARE_BYTES)
        name = f"{began_at:%Y%m%dT%H%M%SZ}"
        making = folder / f".making-{name}"
        try:
            making.mkdir(mode=0o700)
            await _copy(owner_url, making / CLUSTER, on_progress)
            ended_at = await _server_time(owner_url)
            await verify_files(making / CLUSTER)
            backup = Backup(
                name=name,
                began_at=began_at,
                ended_at=ended_at,
                bytes=_size_of(making / CLUSTER),
                system_identifier=system_identifier,
                postgresql=binaries.major,
                dasi=__version__,
                installation_id=installation_id,
                sealing_key_ids=_key_ids(engine),
                first_wal=first_wal_of(making / CLUSTER),
                is_ledger_verified=False,
            )
            report = None
            if must_verify_ledger:
                report = await verify_ledger_of(making / CLUSTER, engine, folder, name, on_progress)
                is_proven = report.discrepancy_count == 0
                backup = msgspec.structs.replace(backup, is_ledger_verified=is_proven)
            write_backup(making, backup)
            making.rename(folder / name)
            sync_folder(folder)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        may_delete = keep is not None and (report is None or backup.is_ledger_verified)
        deleted = delete_expired(folder, keep=keep) if may_delete and keep is not None else []
    return backup, report, deleted


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder: one backup at a time. `OperatorError` if it is missing or in use."""
    try:
        lock = (folder / "lock").open("a", encoding="ascii")
    except OSError as refused:
        raise OperatorError(
            f"The folder for backups, {folder}, cannot be used.",
            cause=f"{refused.strerror}: {refused.filename}.",
            hint="Make the folder, or mount its disk. It is not made here, so that a disk that is "
            "not mounted shows.",
        ) from refused
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise OperatorError(
                f"Another backup runs in {folder}.",
                cause="Its lock is held.",
                hint="Wait until the other one has ended.",
            ) from taken
        remove_remains(folder)
        yield


async def _describe(owner_url: str) -> tuple[int, str, str]:
    connection = await connect(owner_url)
    try:
        return await cluster_any_merchant(connection)
    finally:
        await connection.close()


async def _server_time(owner_url: str) -> datetime:
    """The database's clock, which also stamps the commits in the WAL."""
    connection = await connect(owner_url)
    try:
        moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    finally:
        await connection.close()
    return moment


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OperatorError(
            f"There is not enough room for a backup in {folder}.",
            cause=f"It needs {needed / 2**20:,.0f} MiB, and {free / 2**20:,.0f} MiB are free.",
            hint="Free some room, keep fewer backups (--keep), or name another folder (--to).",
        )


async def _copy(owner_url: str, cluster: Path, on_progress: Progress) -> None:
    """Copy the cluster and report the progress meanwhile."""
    watching = asyncio.create_task(_watch(owner_url, on_progress))
    try:
        await copy_cluster(owner_url, cluster)
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch(owner_url: str, on_progress: Progress) -> None:
    """Report the progress until cancelled. A lost connection ends the reports only."""
    connection = await connect(owner_url)
    try:
        while True:
            on_progress("copy", *await copied_bytes_any_merchant(connection))
            await asyncio.sleep(_POLL_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return
    finally:
        await connection.close()


def _key_ids(engine: Engine) -> tuple[str, ...]:
    keys = engine.vault.mac_keys
    return (keys.newest.hex(), *(key_id.hex() for key_id in keys.older))


def _size_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))

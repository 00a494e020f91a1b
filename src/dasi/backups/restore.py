"""Restore a backup into an empty data folder, to its end or to a moment.

All is done in a folder inside the new one, which gets its name only when the recovery has ended and
the mode of the installation is set (M11). So no half-restored database can ever be started.
"""

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Literal

from dasi.backup_folder import (
    CLUSTER,
    Backup,
    list_backups,
    read_backup,
    replayed_until_any_merchant,
    restore_command,
    sync_folder,
    wal_folder,
)
from dasi.backups.postgres_tools import tools, verify_files
from dasi.backups.restored_keys import require_keys
from dasi.foundation.clock import KST, kst_day
from dasi.foundation.db import open_database
from dasi.foundation.errors import OperatorError
from dasi.foundation.vault import Vault
from dasi.recovery import set_mode
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.sealing_keys import check_sealing_keys

_RESTORING = ".restoring"
_MAY_BE_THERE = {_RESTORING, "keys-folder"}
_RECOVERY_MAX_S = 7 * 24 * 3600
_CHUNK = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """The backup to restore, and the folder that receives it."""

    backup: Path
    """The folder of one backup, or of all of them: then the newest that fits."""
    data: Path
    keys: Path | None
    until: datetime | None
    """None: as far as the WAL goes."""
    timeline: str
    """`latest`, or the number of an earlier one after a restore that went back too far."""
    wal_folders: Sequence[Path]
    """Where else WAL is, such as `pg_wal` of the lost data folder."""
    wal_command: str | None
    """PostgreSQL's `restore_command`, in place of the folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredData:
    backup: Backup
    restored_until: datetime
    """The last commit that is there; of a backup without later ones, its end."""
    mode: Literal["recovering", "stopped"]


def choose_backup(folder: Path, *, until: datetime | None) -> tuple[Path, Backup]:
    """Return a backup and its folder. `OperatorError` if none ended before `until`."""
    backups = list_backups(folder)
    if backups:
        fitting = [each for each in backups if until is None or each.ended_at <= until]
        if fitting:
            return folder / fitting[0].name, fitting[0]
        backup = backups[-1]
    else:
        backup = read_backup(folder)
        if until is None or backup.ended_at <= until:
            return folder, backup
    raise OperatorError(
        f"There is no backup from before {until:%Y-%m-%d %H:%M:%S%z}.",
        cause=f"The oldest one ended at {backup.ended_at.astimezone(KST):%Y-%m-%d %H:%M:%S} KST. A "
        "backup can be restored to moments after its end only.",
        hint="Choose a later --until, or name an older backup.",
    )


def require_empty(data: Path) -> None:
    """`OperatorError` if a folder holds anything but the rest of an interrupted restore."""
    try:
        present = {path.name for path in data.iterdir()} if data.exists() else set()
    except OSError as refused:
        raise OperatorError(
            f"The data folder {data} cannot be used.",
            cause=f"{refused.strerror}: {refused.filename}.",
            hint="Name another folder with --data.",
        ) from refused
    if present - _MAY_BE_THERE:
        raise OperatorError(
            f"The folder {data} is not empty.",
            cause=f"It holds {', '.join(sorted(present - _MAY_BE_THERE)[:5])}. A restore never "
            "overwrites anything.",
            hint="Name a new folder with --data, or move this one away.",
        )


async def restore_backup(
    request: RestoreRequest,
    environment: Mapping[str, str],
    *,
    now: datetime,
    on_progress: Callable[[str, int, int], None],
) -> RestoredData:
    """Restore and set the mode of the installation. `OperatorError` if anything does not fit.

    After a failure nothing of it is left in the data folder.
    """
    require_empty(request.data)
    folder, backup = choose_backup(request.backup.absolute(), until=request.until)
    _require_same_version(backup)
    keys = require_keys(backup, request.data, request.keys, environment)
    await verify_files(folder / CLUSTER)
    restoring = request.data / _RESTORING
    shutil.rmtree(restoring, ignore_errors=True)
    postgres = EmbeddedPostgres(
        restoring,
        durable=True,
        settings=_recovery_settings(request, folder, backup),
        start_patience_s=_RECOVERY_MAX_S,
    )
    try:
        restoring.mkdir(mode=0o700, parents=True)
        await asyncio.to_thread(
            _copy, folder / CLUSTER, restoring / "postgres", backup, on_progress
        )
        (restoring / "postgres/recovery.signal").touch(mode=0o600)
        on_progress("replay", 0, 0)
        try:
            await postgres.start()
        except OperatorError as failed:
            raise _recovery_failed(failed, request) from failed
        restored = await _set_mode(postgres, keys.vault, backup, now=now)
        await postgres.stop()
        (restoring / "postgres").rename(request.data / CLUSTER)
        sync_folder(request.data)
    finally:
        await postgres.stop()
        postgres.discard()
    keys.remember()
    return restored


def _require_same_version(backup: Backup) -> None:
    binaries = tools()
    if binaries.major != backup.postgresql:
        raise OperatorError(
            f"The backup is of PostgreSQL {backup.postgresql}.",
            cause=f"The PostgreSQL found here is version {binaries.major} ({binaries.folder}), and "
            "one major version cannot read the files of another.",
            hint=f"Restore it with the version of dasi that made it (dasi {backup.dasi}).",
        )


def _recovery_settings(request: RestoreRequest, folder: Path, backup: Backup) -> dict[str, str]:
    archives = [wal_folder(folder.parent, backup.system_identifier), *request.wal_folders]
    settings = {
        "restore_command": request.wal_command
        or restore_command([archive.absolute() for archive in archives]),
        "recovery_target_timeline": request.timeline,
        "recovery_target_action": "promote",
        "hot_standby": "off",  # ready means: the recovery has ended
        "archive_mode": "off",
    }
    if request.until is not None:
        settings["recovery_target_time"] = (
            f"{request.until.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f+00}"
        )
    return settings


def _copy(
    source: Path, target: Path, backup: Backup, on_progress: Callable[[str, int, int], None]
) -> None:
    """Copy a cluster. PostgreSQL forces the files to the disk when it starts on them."""
    copied = 0

    def copy_file(source_file: str, target_file: str) -> None:
        nonlocal copied
        shutil.copy2(source_file, target_file)
        copied += Path(target_file).stat().st_size
        on_progress("copy", copied, backup.bytes)

    shutil.copytree(source, target, symlinks=True, copy_function=copy_file)
    target.chmod(0o700)


async def _set_mode(
    postgres: EmbeddedPostgres, vault: Vault, backup: Backup, *, now: datetime
) -> RestoredData:
    """Check the keys and leave the mode `normal`, before any program can use the database.

    The PG answers about yesterday and today. If more than that is lost, an operator decides (M11).
    """
    database = await open_database(postgres.url, connections_max=2, statement_timeout_s=60)
    try:
        await check_sealing_keys(database, vault)
        async with database.transaction() as connection:
            replayed = await replayed_until_any_merchant(connection)
        restored_until = max(replayed or backup.ended_at, backup.ended_at)
        yesterday = datetime.combine(kst_day(now) - timedelta(days=1), time.min, tzinfo=KST)
        mode: Literal["recovering", "stopped"] = (
            "recovering" if restored_until >= yesterday else "stopped"
        )
        detail = (
            f"restored backup {backup.name} until {restored_until.astimezone(KST):%m-%d %H:%M:%S}"
        )
        await set_mode(database, mode, detail=f"{detail} KST", now=now)
    finally:
        await database.close()
    return RestoredData(backup=backup, restored_until=restored_until, mode=mode)


def _recovery_failed(failed: OperatorError, request: RestoreRequest) -> OperatorError:
    """Say in the operator's words what PostgreSQL's log says."""
    last = re.search(r"last completed transaction was at log time (\S+ \S+)", failed.cause)
    if request.until is not None and "before configured recovery target" in failed.cause:
        moment = f" The last commit in it is of {last[1]} UTC." if last else ""
        return OperatorError(
            "The archived WAL ends before --until.",
            cause=f"{failed.cause}{moment}",
            hint="Choose an earlier --until, or leave it out to restore all that is archived. The "
            "WAL of the lost data folder can be added: --wal OLD/postgres/pg_wal.",
        )
    return OperatorError(
        "The backup could not be restored.",
        cause=failed.cause,
        hint="Correct what the lines above name, then run the command again. Nothing was left in "
        "the data folder.",
    )

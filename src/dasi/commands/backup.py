"""Backups of the embedded database: make one, list them, restore one."""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dasi.backup_folder import Backup, archive_settings, archiver_state_any_merchant, list_backups
from dasi.backups import RestoreRequest, make_backup, restore_backup
from dasi.commands.confirmation import Confirmed, confirm
from dasi.commands.context import with_opened
from dasi.commands.options import DATA_DEFAULT, Data, Json, Keys, help_epilog, read_duration
from dasi.commands.printing import Facts, kst, print_facts, print_list, print_note
from dasi.engine import Engine
from dasi.foundation.clock import parse_moment
from dasi.foundation.errors import OperatorError
from dasi.runtime.data_dir import DataDir
from dasi.settings import is_set

app = typer.Typer()
_FAILED = 1
_REPORT_EVERY_S = 1.0
_DAY_TIME = "%Y-%m-%d %H:%M:%S KST"

To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="DIR",
        help="The folder for backups. Default: DASI_BACKUP_DIR, or what the data folder remembers.",
        show_default=False,
    ),
]


@app.command(
    "backup",
    epilog=help_epilog(
        "dasi backup --to /mnt/backups/dasi --keep 7",
        "0 made and verified, 1 not made, or the ledger in it is not proven, 2 usage",
    ),
)
def backup_command(
    *,
    to: To = None,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Keep so many backups and the WAL they need; delete older ones."),
    ] = None,
    must_verify_ledger: Annotated[
        bool,
        typer.Option("--verify", help="Also start a copy of the backup and prove its ledger."),
    ] = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Back up the embedded database while it runs, and check every file of the copy.

    The sealing keys are not part of it: keep a copy of vault.keys in another place.
    """
    _require_embedded()
    folder = _backup_folder(to, data)

    async def act(opened: DataDir, engine: Engine) -> bool:
        backup, report, deleted = await make_backup(
            engine,
            opened.owner_url,
            folder,
            keep=keep,
            must_verify_ledger=must_verify_ledger,
            on_progress=_Progress(),
        )
        archiver = await archiver_state_any_merchant(engine.database)
        discrepancies = None if report is None else report.discrepancy_count
        print_facts(
            {
                **_facts(backup, as_json=as_json),
                "folder": str(folder / backup.name),
                "discrepancies": discrepancies,
                "deleted_backups": len(deleted),
                "wal_archive": "failing" if archiver.is_failing else _on_off(archiver.is_on),
            },
            as_json=as_json,
        )
        print_note(
            f"The backup holds no sealing keys. Without key {backup.sealing_key_ids[0]} it charges "
            f"no card: keep a copy of {_keys_place(opened)} in another place than the backup."
        )
        if archiver.is_failing:
            print_note(
                "The WAL archive fails: the backup restores to its own end only. "
                "postgres.log in the data folder has the reason."
            )
        return not discrepancies

    if not with_opened(data, act):
        print_note("The ledger in the backup is not proven. Run `dasi ledger verify`.")
        raise typer.Exit(_FAILED)


@app.command(
    "backups",
    epilog=help_epilog(
        "dasi backups --to /mnt/backups/dasi --max-age 26h",
        "0 there is one that is new enough, 1 there is none, 2 usage",
    ),
)
def list_command(
    *,
    to: To = None,
    max_age: Annotated[
        str | None,
        typer.Option(help="Exit code 1 if the newest one is older, such as 26h."),
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List the backups of a folder, newest first."""
    longest = None if max_age is None else read_duration(max_age, option="--max-age")
    backups = list_backups(_backup_folder(to, data))
    shown = None if as_json else ("backup", "ended_at", "mib", "ledger_verified")
    print_list(
        [
            {
                name: fact
                for name, fact in _facts(backup, as_json=as_json).items()
                if shown is None or name in shown
            }
            for backup in backups
        ],
        as_json=as_json,
        none="There is no backup.",
    )
    now = datetime.now(UTC)
    if not backups or (longest is not None and now - backups[0].ended_at > longest):
        raise typer.Exit(_FAILED)


@app.command(
    "restore",
    epilog=help_epilog(
        "dasi restore /mnt/backups/dasi --data restored --until '2026-11-29 14:05'",
        "0 restored, 1 not restored (nothing is left), 2 usage",
    ),
)
def restore_command(
    *,
    backup: Annotated[
        Path,
        typer.Argument(help="One backup, or the folder of all: then the newest that fits."),
    ],
    data: Data = DATA_DEFAULT,
    keys: Keys = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="To this moment (Korean time without a zone)."),
    ] = None,
    wal: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Where else WAL is: pg_wal of the lost data folder. Repeatable."
        ),
    ] = None,
    wal_command: Annotated[
        str | None,
        typer.Option(help="A shell command that fetches the WAL file %f to the path %p."),
    ] = None,
    timeline: Annotated[
        str, typer.Option(help="The timeline to follow, after an earlier restore: its number.")
    ] = "latest",
    is_confirmed: Confirmed = False,
    as_json: Json = False,
) -> None:
    """Restore a backup into an empty folder, and leave the installation in recovery.

    Each charge is then looked up at KICC before it is sent, so that none is made twice.
    """
    confirm(
        "The installation that made this backup must be stopped for good. Two that run would "
        "both charge the same schedules.",
        is_confirmed=is_confirmed,
    )
    request = RestoreRequest(
        backup=backup,
        data=data,
        keys=keys,
        until=None if until is None else _read_moment(until),
        timeline=timeline,
        wal_folders=wal or (),
        wal_command=wal_command,
    )
    restored = asyncio.run(
        restore_backup(request, os.environ, now=datetime.now(UTC), on_progress=_Progress())
    )
    print_facts(
        {
            "data": str(data),
            "backup": restored.backup.name,
            "restored_until": _time(restored.restored_until, as_json=as_json),
            "mode": restored.mode,
        },
        as_json=as_json,
    )
    print_note(
        "Start it with `dasi up`: each charge is looked up at KICC before it is sent."
        if restored.mode == "recovering"
        else "Nothing is charged yet: KICC cannot be asked about all of the lost time. Compare it "
        "with KICC's admin pages, then run `dasi recover --mode recovering`."
    )
    print_note("Run `dasi backup` soon: the restored database has a new timeline.")


class _Progress:
    """Writes the progress to standard error: at most once a second, and on a terminal only."""

    def __init__(self) -> None:
        self._next = 0.0
        self._is_shown = sys.stderr.isatty()

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._is_shown or now < self._next:
            return
        self._next = now + _REPORT_EVERY_S
        if step == "copy" and total:
            print_note(f"copied {done / 2**20:,.0f} of {total / 2**20:,.0f} MiB")
        elif step == "verify":
            print_note(f"verified {done:,} payments")
        elif step == "replay":
            print_note("replaying the WAL; postgres.log in .restoring shows how far it is")


def _require_embedded() -> None:
    if is_set(os.environ, "DASI_DATABASE_URL"):
        raise OperatorError(
            "`dasi backup` backs up the embedded database only.",
            cause="DASI_DATABASE_URL names a PostgreSQL that dasi does not manage.",
            hint="Use its own tools, such as pgBackRest; docs/operate/backup.md has a recipe.",
        )


def _backup_folder(to: Path | None, data: Path) -> Path:
    if to is not None:
        # The rule that backups are not inside the data holds for this one, too.
        return Path(archive_settings(data, {"DASI_BACKUP_DIR": str(to)}).folder or to).absolute()
    folder = archive_settings(data, os.environ).folder
    if folder is None:
        raise OperatorError(
            "There is no folder for backups.",
            cause="--to was not given, DASI_BACKUP_DIR is not set, and the data folder remembers "
            "none.",
            hint="Name a folder on another disk with --to or DASI_BACKUP_DIR.",
        )
    return Path(folder)


def _facts(backup: Backup, *, as_json: bool) -> Facts:
    return {
        "backup": backup.name,
        "ended_at": _time(backup.ended_at, as_json=as_json),
        "mib": round(backup.bytes / 2**20),
        "postgresql": backup.postgresql,
        "dasi": backup.dasi,
        "ledger_verified": backup.is_ledger_verified,
        "sealing_keys": " ".join(backup.sealing_key_ids),
    }


def _time(moment: datetime, *, as_json: bool) -> str | None:
    return moment.isoformat() if as_json else kst(moment, time_format=_DAY_TIME)


def _read_moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as wrong:
        raise typer.BadParameter(
            f"{text!r} is no time such as 2026-11-29T14:05", param_hint="--until"
        ) from wrong


def _on_off(is_on: bool) -> str:
    return "on" if is_on else "off"


def _keys_place(opened: DataDir) -> str:
    return "the sealing keys" if opened.keys_file is None else str(opened.keys_file.path)

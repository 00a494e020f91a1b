"""Runs PostgreSQL's own programs for backups: pg_basebackup and pg_verifybackup."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from dasi.foundation.errors import OperatorError
from dasi.runtime import die_with_parent
from dasi.runtime.postgres_binaries import Binaries, find_binaries

BASE_BACKUP, VERIFY_BACKUP = "pg_basebackup", "pg_verifybackup"
_CAUSE_MAX = 800


def tools() -> Binaries:
    """Return the programs of the embedded PostgreSQL. `OperatorError` without those for backups."""
    binaries = find_binaries()
    missing = [
        name for name in (BASE_BACKUP, VERIFY_BACKUP) if not (binaries.folder / name).exists()
    ]
    if missing:
        raise OperatorError(
            f"This PostgreSQL has no {' and no '.join(missing)}.",
            cause=f"{binaries.folder} holds only a part of PostgreSQL.",
            hint="Run `make setup` again, or install all of PostgreSQL (Debian: apt install "
            "postgresql).",
        )
    return binaries


async def copy_cluster(url: str, cluster: Path) -> None:
    """Copy the cluster of a running server, with the WAL it needs. `OperatorError` on failure."""
    await _run(
        BASE_BACKUP,
        *("--dbname", url),
        *("--pgdata", str(cluster), "--wal-method=stream", "--checkpoint=fast"),
        *("--manifest-checksums=SHA256", "--label=dasi", "--no-password"),
        problem="The backup was not made.",
        hint="Correct what it names (most often a full disk), then run `dasi backup` again. "
        "Nothing of it was kept.",
    )


async def verify_files(cluster: Path) -> None:
    """Compare a copied cluster with its manifest, WAL included. `OperatorError` on a difference."""
    await _run(
        VERIFY_BACKUP,
        *("--exit-on-error", "--quiet", str(cluster)),
        problem=f"The backup in {cluster.parent} is damaged.",
        hint="Do not use it. `dasi backups` lists the others; run `dasi backup` for a new one.",
    )


async def _run(program: str, *arguments: str, problem: str, hint: str) -> None:
    command = die_with_parent.wrap_command(
        str(tools().folder / program), *arguments, on_parent_death=signal.SIGTERM
    )
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for us: we remove what is half done
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.communicate()
        raise
    if process.returncode != 0:
        text = output.decode(errors="replace").strip()[-_CAUSE_MAX:] or "it printed nothing"
        raise OperatorError(
            problem, cause=f"{program} ended with {process.returncode}: {text}", hint=hint
        )

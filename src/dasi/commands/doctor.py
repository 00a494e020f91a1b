"""`dasi doctor`: check an installation, and name the way out of what is wrong."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from dasi.app import open_engine
from dasi.backup_folder import archive_settings
from dasi.commands.context import is_embedded
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.doctor import (
    Finding,
    check_backups,
    check_database,
    check_disks,
    check_pg,
    check_public_url,
)
from dasi.engine import Engine
from dasi.foundation.errors import Unavailable
from dasi.foundation.logging import set_up_logging
from dasi.foundation.postgres import UNAVAILABLE
from dasi.runtime.bootstrap import REFUSED, database_unreachable
from dasi.runtime.data_dir import connect_database
from dasi.settings import Settings, read_settings

Language = Literal["ko", "en"]
app = typer.Typer()
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")


@app.command(
    epilog=help_epilog(
        "dasi doctor --json",
        "0 nothing fails (warnings may remain), 1 something fails, 2 wrong usage",
    )
)
def doctor(
    *,
    data: Data = DATA_DEFAULT,
    language: Annotated[
        Language | None,
        typer.Option(
            "--lang", help="The language of the lines. Default: ko if LANG is Korean, else en."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check an installation: database, clock, keys, public URL, proxy, KICC, backups, disk."""
    set_up_logging(level="error", log_format="auto")
    chosen = language or _language_of_terminal()
    has_failed = asyncio.run(_run(data, chosen, as_json=as_json))
    if has_failed:
        raise typer.Exit(1)


async def _run(data: Path, language: Language, *, as_json: bool) -> bool:
    """Print each finding as soon as it is there; return whether one of them fails."""
    findings = []
    async for finding in _findings(data):
        findings.append(finding)
        if not as_json:
            _print(finding, language)
    if as_json:
        typer.echo(json.dumps([_facts(each, language) for each in findings], ensure_ascii=False))
    return any(finding.status == "fail" for finding in findings)


async def _findings(data: Path) -> AsyncIterator[Finding]:
    async with AsyncExitStack() as closing:
        opened = await closing.enter_async_context(connect_database(data, os.environ))
        settings = read_settings(opened.environment)
        engine: Engine | None = None
        try:
            engine = await closing.enter_async_context(open_engine(settings))
        except Unavailable as unavailable:
            yield _unusable(unavailable.__cause__ or unavailable)
        except (*REFUSED, *UNAVAILABLE) as refused:
            yield _unusable(refused)
        if engine is not None:
            for finding in await check_database(engine):
                yield finding
                if finding.status == "fail" and finding.check in ("database", "schema"):
                    engine = None
        for finding in await check_public_url(settings):
            yield finding
        for finding in await check_pg(engine, settings):
            yield finding
        backups = archive_settings(data, os.environ).folder if is_embedded() else None
        folder = None if backups is None else Path(backups)
        for finding in await check_backups(
            engine, folder=folder, is_embedded=is_embedded(), now=datetime.now(UTC)
        ):
            yield finding
        for finding in check_disks(_folders(settings, folder)):
            yield finding


def _unusable(cause: BaseException) -> Finding:
    text = database_unreachable(cause).cause.rstrip(".")
    return Finding("database", "database_unable", {"text": text})


def _folders(settings: Settings, backups: Path | None) -> list[Path]:
    """Return the folders that dasi writes to; the present one if there is none."""
    named = [Path(each) for each in (settings.data_folder, settings.state_dir) if each]
    return [*named, *([backups] if backups else [])] or [Path.cwd()]


def _print(finding: Finding, language: Language) -> None:
    line = Text(f"{finding.status:<5}", style=_COLOURS[finding.status])
    line.append(f"{finding.check:<13} {finding.text(language)}", style="default")
    fix = finding.fix(language)
    if fix:
        line.append(f" → {fix}", style="bold")
    Console(highlight=False).print(line, soft_wrap=True)


def _facts(finding: Finding, language: Language) -> dict[str, object]:
    return {
        "check": finding.check,
        "status": finding.status,
        "reason": finding.reason,
        "text": finding.text(language),
        "fix": finding.fix(language) or None,
        "facts": {name: str(value) for name, value in finding.facts.items()},
    }


def _language_of_terminal() -> Language:
    locale = next((os.environ[name] for name in _LOCALES if os.environ.get(name)), "")
    return "ko" if locale.lower().startswith("ko") else "en"

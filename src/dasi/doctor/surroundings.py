"""The surroundings of an installation: KICC's hosts, backups, disks."""

import asyncio
import shutil
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from dasi.backup_folder import archiver_state_any_merchant, list_backups
from dasi.doctor.findings import Finding
from dasi.engine import Engine
from dasi.foundation.errors import Unavailable
from dasi.merchants import list_merchants
from dasi.readiness import check_disk
from dasi.settings import Settings

PG, BACKUPS, DISK = "KICC", "backups", "disk"
_PATIENCE_S = 10
_BACKUP_AGE_MAX = timedelta(hours=26)
_FREE_LOW_BYTES, _FREE_LOW_SHARE = 2 * 1024**3, 0.1


async def check_pg(engine: Engine | None, settings: Settings) -> list[Finding]:
    """Connect to both hosts of KICC. Without an engine (no database) both count as used."""
    modes = {True, False}
    if engine is not None:
        modes = {merchant.is_live for merchant in await list_merchants(engine)}
    hosts = {settings.kicc_sandbox_url: False, settings.kicc_live_url: True}
    return await asyncio.gather(
        *(_check_host(url, is_used=is_live in modes) for url, is_live in hosts.items())
    )


async def _check_host(url: str, *, is_used: bool) -> Finding:
    """Any answer will do: no request of KICC's API is free of effects."""
    host, began_at = urlsplit(url).netloc, time.monotonic()
    try:
        async with (
            asyncio.timeout(_PATIENCE_S),
            aiohttp.ClientSession() as http,
            http.get(url, allow_redirects=False),
        ):
            ms = round((time.monotonic() - began_at) * 1000)
            return Finding(PG, "pg_ok", {"host": host, "ms": ms})
    except (aiohttp.ClientError, OSError, TimeoutError) as failure:
        cause = str(failure).rstrip(".") or f"no answer within {_PATIENCE_S} s"
        reason = "pg_unreachable" if is_used else "pg_unused_unreachable"
        return Finding(PG, reason, {"host": host, "cause": cause})


async def check_backups(
    engine: Engine | None, *, folder: Path | None, is_embedded: bool, now: datetime
) -> list[Finding]:
    """Return the age of the newest backup of an embedded database, and the state of the archiver.

    `folder`: of the backups. Backups of another PostgreSQL are not seen from here.
    """
    findings = []
    if engine is not None:
        try:
            archiver = await archiver_state_any_merchant(engine.database)
        except Unavailable:
            archiver = None
        if archiver is not None and archiver.is_on and archiver.is_failing:
            assert archiver.failed_at is not None, "a failure has its time"
            facts = {"since": f"{archiver.failed_at:%Y-%m-%d %H:%M} UTC"}
            findings.append(Finding(BACKUPS, "wal_archive_failing", facts))
        if archiver is not None and not is_embedded:
            reason = "backups_elsewhere" if archiver.is_on else "wal_not_archived"
            findings.append(Finding(BACKUPS, reason))
    if is_embedded:
        newest = next(iter(list_backups(folder) if folder is not None else ()), None)
        if newest is None:
            return [*findings, Finding(BACKUPS, "backups_none")]
        age = now - newest.ended_at
        reason = "backups_ok" if age <= _BACKUP_AGE_MAX else "backups_old"
        findings.append(Finding(BACKUPS, reason, {"hours": round(age / timedelta(hours=1))}))
    return findings


def check_disks(folders: Iterable[Path]) -> list[Finding]:
    """Return a finding for the disk of each folder."""
    return [_check_disk(folder) for folder in dict.fromkeys(folders)]


def _check_disk(folder: Path) -> Finding:
    check = check_disk(folder)
    if not check.is_able:
        return Finding(DISK, "disk_unable", {"text": check.text})
    usage = shutil.disk_usage(folder)
    is_low = usage.free < max(_FREE_LOW_BYTES, usage.total * _FREE_LOW_SHARE)
    is_low = is_low and usage.free < 10 * _FREE_LOW_BYTES
    return Finding(DISK, "disk_low" if is_low else "disk_ok", {"text": check.text})

"""The conditions that hold now: of all merchants, of the backups and of the certificate."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from dasi.alerts import condition_store
from dasi.alerts.alert import Condition, Kind, digest
from dasi.backup_folder import list_backups
from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.recovery import recovery_state

FAILED_RUNS_MIN = 20
BACKUP_HOURS_MAX = 26
CERTIFICATE_DAYS_MIN = 14
_PAUSED_FOR = timedelta(hours=1)
_RUNS_WITHIN = timedelta(hours=1)
_REFUSED_WITHIN = timedelta(days=7)
_PATIENCE_S = 10
_DAY_S = 86_400
_CONSOLE = "/console"

Checked = tuple[list[Condition], list[Kind]]
"""The conditions that hold, and the kinds that were read: a condition of another may still hold."""


async def present_conditions(engine: Engine) -> Checked:
    """Return the conditions that the database shows.

    A copy of the installation has the same rows, so a held one reads nothing but its mode.
    """
    state = await recovery_state(engine.database)
    conditions = []
    if state.mode != "normal":
        facts: dict[str, str | int] = {"mode": state.mode}
        if state.since is not None:
            facts["since"] = moment(state.since)
        conditions.append(
            Condition(kind="database_went_back", subject=state.mode, facts=facts, path=_CONSOLE)
        )
    kinds: list[Kind] = ["database_went_back"]
    if state.mode != "held":
        conditions += [
            *await _payment_conditions(engine),
            *await _endpoint_conditions(engine),
            *await _schedule_conditions(engine),
            *await _key_conditions(engine),
        ]
        kinds += [
            "unresolved_past_deadline",
            "endpoint_disabled",
            "schedules_paused",
            "schedules_failing",
            "key_deletions_failing",
        ]
    return conditions, kinds


async def backup_conditions(folder: str, *, now: datetime) -> Checked:
    """Return whether the newest backup of a folder is too old, or missing."""
    kinds: list[Kind] = ["backup_old", "backup_missing"]
    backups = await asyncio.to_thread(list_backups, Path(folder))
    if not backups:
        missing = Condition(kind="backup_missing", subject="backups", facts={}, path=_CONSOLE)
        return [missing], kinds
    ended_at = backups[0].ended_at
    hours = int((now - ended_at) / timedelta(hours=1))
    if hours < BACKUP_HOURS_MAX:
        return [], kinds
    facts: dict[str, str | int] = {"hours": hours, "since": moment(ended_at)}
    return [Condition(kind="backup_old", subject="backups", facts=facts, path=_CONSOLE)], kinds


async def certificate_conditions(
    public_url: str, *, now: datetime, context: ssl.SSLContext | None = None
) -> Checked:
    """Return whether the certificate of the public URL ends soon, or is refused by clients.

    A URL without TLS, or one that cannot be reached, is not checked. `context` is for tests.
    """
    parts = urlsplit(public_url)
    if parts.scheme != "https" or parts.hostname is None:
        return [], []
    host = parts.hostname
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _reader, writer = await asyncio.open_connection(
                host, parts.port or 443, ssl=context or ssl.create_default_context()
            )
    except ssl.SSLCertVerificationError:
        days = 0
    except (OSError, TimeoutError):
        return [], []
    else:
        certificate = writer.get_extra_info("peercert")
        writer.close()
        ends_at = ssl.cert_time_to_seconds(certificate["notAfter"])
        days = int((ends_at - now.timestamp()) // _DAY_S)
    if days >= CERTIFICATE_DAYS_MIN:
        return [], ["certificate_ending"]
    facts: dict[str, str | int] = {"host": host, "days": max(days, 0)}
    return [
        Condition(kind="certificate_ending", subject=host, facts=facts, path=_CONSOLE),
    ], ["certificate_ending"]


def moment(at: datetime) -> str:
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M KST")


def _page(code: str, page: str) -> str:
    return f"{_CONSOLE}/merchants/{code}/{page}"


async def _payment_conditions(engine: Engine) -> list[Condition]:
    return [
        Condition(
            kind="unresolved_past_deadline",
            subject=row["attempt_id"],
            merchant_code=row["code"],
            facts={"payment": row["imp_uid"], "since": moment(row["escalated_at"])},
            path=_page(row["code"], f"payments/{row['imp_uid']}"),
        )
        for row in await condition_store.unresolved_past_deadline_any_merchant(engine.database)
    ]


async def _endpoint_conditions(engine: Engine) -> list[Condition]:
    """The URL of an endpoint may hold a secret, so the alert has only its host."""
    return [
        Condition(
            kind="endpoint_disabled",
            subject=digest(f"{row['code']} {row['url']}"),
            merchant_code=row["code"],
            facts={
                "host": urlsplit(row["url"]).hostname or "?",
                "since": moment(row["disabled_at"]),
            },
            path=_page(row["code"], "webhooks"),
        )
        for row in await condition_store.disabled_endpoints_any_merchant(engine.database)
    ]


async def _schedule_conditions(engine: Engine) -> list[Condition]:
    now, database = engine.clock.now(), engine.database
    pauses = await condition_store.pauses_any_merchant(database, paused_before=now - _PAUSED_FOR)
    failed = await condition_store.failed_runs_any_merchant(
        database, since=now - _RUNS_WITHIN, failed_min=FAILED_RUNS_MIN
    )

    def each() -> Iterator[Condition]:
        for row in pauses:
            yield Condition(
                kind="schedules_paused",
                subject=str(row["merchant_id"]),
                merchant_code=row["code"],
                facts={"since": moment(row["paused_at"])},
                path=_page(row["code"], "schedules") if row["code"] else _CONSOLE,
            )
        for row in failed:
            yield Condition(
                kind="schedules_failing",
                subject=row["code"],
                merchant_code=row["code"],
                facts={"failed": row["failed"], "started": row["started"]},
                path=_page(row["code"], "schedules"),
            )

    return list(each())


async def _key_conditions(engine: Engine) -> list[Condition]:
    since = engine.clock.now() - _REFUSED_WITHIN
    return [
        Condition(
            kind="key_deletions_failing",
            subject=row["code"],
            merchant_code=row["code"],
            facts={"keys": row["failing"]},
            path=_page(row["code"], "keys"),
        )
        for row in await condition_store.failing_deletions_any_merchant(
            engine.database, since=since
        )
    ]

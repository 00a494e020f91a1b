"""The mode of the installation: normal, recovering, stopped, or held.

    normal       charges are sent at once
    recovering   the database went back; each request for money is first looked up under its name
    stopped      no charge and no approval is sent: the PG cannot answer for all of the lost time
    held         this may be a copy of the installation: nothing is sent, to the PG or to merchants

KICC answers about yesterday and today. If the newest row that is left is older than yesterday, a
lookup cannot find every lost charge, and an operator decides.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal, get_args

from prometheus_client import Gauge

from dasi.foundation.clock import KST, kst_day
from dasi.foundation.db import Connection, Database
from dasi.foundation.errors import Unavailable
from dasi.recovery import recovery_store

Mode = Literal["normal", "recovering", "stopped", "held"]
_STOPPED_RETRY_AFTER_S = 60
_MODE = Gauge(
    "dasi_recovery_mode",
    "1 for the mode of the installation, 0 for the others",
    ["mode"],
    multiprocess_mode="mostrecent",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryState:
    """The mode, and since when; `newest_row_at` is the last moment that the database knew then."""

    mode: Mode
    since: datetime | None
    newest_row_at: datetime | None
    detail: str | None

    @property
    def ends_at(self) -> datetime | None:
        """When the PG stops answering about the lost time; None unless recovering."""
        if self.mode != "recovering" or self.since is None:
            return None
        return datetime.combine(kst_day(self.since) + timedelta(days=2), time.min, tzinfo=KST)


async def recovery_state(database: Database | Connection) -> RecoveryState:
    """Return the present mode of the installation."""
    mode, since, newest_row_at, detail = await recovery_store.mode_any_merchant(database)
    return RecoveryState(mode=mode, since=since, newest_row_at=newest_row_at, detail=detail)


async def publish_mode(database: Database) -> None:
    """Publish the mode as a gauge, for an alarm."""
    mode = (await recovery_state(database)).mode
    for name in get_args(Mode):
        _MODE.labels(name).set(mode == name)


async def enter_recovery(connection: Connection, *, now: datetime, detail: str) -> None:
    """Leave the mode normal, because committed rows are missing. Otherwise nothing changes."""
    newest_row_at = await recovery_store.newest_row_at_any_merchant(connection)
    await recovery_store.leave_normal_any_merchant(
        connection,
        mode=_safe_mode(newest_row_at, now),
        newest_row_at=newest_row_at,
        detail=detail,
        now=now,
    )


async def hold(connection: Connection, *, now: datetime, detail: str) -> None:
    """Send nothing any more, in any mode, because this may be a copy."""
    if (await recovery_state(connection)).mode != "held":
        await _set_mode(connection, "held", detail=detail, now=now)


async def set_mode(
    database: Database, mode: Mode | None, *, detail: str, now: datetime
) -> RecoveryState:
    """Set the mode by an operator's decision and return the new state.

    None: `recovering`, or `stopped` if the PG cannot answer for all of the lost time.
    """
    async with database.transaction() as connection:
        await _set_mode(connection, mode, detail=detail, now=now)
        return await recovery_state(connection)


async def _set_mode(
    connection: Connection, mode: Mode | None, *, detail: str, now: datetime
) -> None:
    newest_row_at = await recovery_store.newest_row_at_any_merchant(connection)
    await recovery_store.set_mode_any_merchant(
        connection,
        mode=mode or _safe_mode(newest_row_at, now),
        newest_row_at=newest_row_at,
        detail=detail,
        now=now,
    )


def _safe_mode(newest_row_at: datetime | None, now: datetime) -> Mode:
    """`recovering` if lookups reach back to the newest row that is left, else `stopped`."""
    yesterday = datetime.combine(kst_day(now) - timedelta(days=1), time.min, tzinfo=KST)
    is_in_reach = newest_row_at is not None and newest_row_at >= yesterday
    return "recovering" if is_in_reach else "stopped"


async def finish_when_over(database: Database, *, now: datetime) -> int:
    """End a recovery when the PG has stopped answering about the lost time. For the worker."""
    state = await recovery_state(database)
    if state.ends_at is not None and now >= state.ends_at:
        await set_mode(database, "normal", detail="the lost time is out of KICC's reach", now=now)
    return 0


async def is_held(database: Database) -> bool:
    """Whether nothing may be sent, because this may be a copy."""
    return (await recovery_state(database)).mode == "held"


async def ensure_not_stopped(connection: Connection) -> None:
    """Raise `Unavailable` if no charge and no approval may be sent now."""
    mode = (await recovery_state(connection)).mode
    if mode == "held":
        raise held_error()
    if mode == "stopped":
        raise Unavailable(
            "charging, because the database went back in time (operator: `dasi recover`),",
            retry_after_s=_STOPPED_RETRY_AFTER_S,
        )


def held_error() -> Unavailable:
    """The error of every request that would leave a held installation."""
    return Unavailable(
        "this gateway, because it may be a copy of another one (operator: `dasi recover`),",
        retry_after_s=_STOPPED_RETRY_AFTER_S,
    )

"""The newest commits that this process and its host know, checked on every new connection.

A failover or a restore ends all connections. If the server behind a new one misses a row that was
committed, the database went back in time: charges that were paid may be missing with it. The first
connection of a process is checked before anything else is done, with what the host knows.
"""

import asyncio
from collections import deque

import asyncpg
import structlog
from prometheus_client import Counter

from dasi.foundation.clock import Clock
from dasi.foundation.db import Connection, Database
from dasi.foundation.errors import Unavailable
from dasi.recovery import recovery_store
from dasi.recovery.commit_mark import (
    REMEMBERED_MAX,
    CommitMark,
    CommittedAttempt,
    KnownCommits,
    KnownSeal,
)
from dasi.recovery.state import enter_recovery

log = structlog.get_logger()

_SAVE_INTERVAL_S = 1.0
_WENT_BACK = Counter(
    "dasi_database_went_back_total", "Times that committed rows were missing after a reconnect"
)
_NOT_SAVED = Counter(
    "dasi_commit_mark_failures_total", "Times that the newest commits could not be written"
)


class CommitMemory:
    """Remembers the newest commits of one process, and those of its host if it has a `mark`."""

    def __init__(self, clock: Clock, mark: CommitMark | None = None) -> None:
        known = KnownCommits() if mark is None else mark.read()
        self._clock = clock
        self._mark = mark
        self._installation_id = known.installation_id
        self._seal = known.seal
        self._newest: deque[CommittedAttempt] = deque(known.attempts, maxlen=REMEMBERED_MAX)
        self._saved = known

    def remember(self, merchant_id: int, attempt_id: str) -> None:
        """Remember an attempt after its commit was confirmed, never before."""
        self._newest.append(CommittedAttempt(self._clock.now(), merchant_id, attempt_id))

    async def check(self, connection: Connection) -> None:
        """Enter recovery if the database behind a new connection misses a known commit."""
        known = self._known()
        if known == KnownCommits():
            return
        try:
            missing, present_id = await _find_missing(connection, known)
        except asyncpg.UndefinedTableError:
            return  # without a schema nothing starts: `require_current` names it
        is_other = known.installation_id not in (None, present_id)
        if not is_other and missing == KnownCommits():
            return
        _WENT_BACK.inc()
        newest = max(missing.attempts, default=None)
        log.error(
            "database_went_back",
            missing=len(missing.attempts),
            newest_missing=newest and newest.attempt_id,
            committed_at=newest and newest.committed_at.isoformat(),
            missing_seal=missing.seal and missing.seal.seal_number,
            is_other_installation=is_other,
            hint="Each charge is looked up before it is sent, or none is sent. See `dasi recover`.",
        )
        detail = _describe(missing, is_other=is_other)
        await enter_recovery(connection, now=self._clock.now(), detail=detail)
        await self._forget(missing, present_id, is_other=is_other)

    async def save(self, database: Database) -> None:
        """Write what is new into the file. `Unavailable` without the database."""
        if self._mark is None:
            return
        self._installation_id, seal = await recovery_store.newest_seal_any_merchant(database)
        self._seal = None if seal is None else KnownSeal(*seal)
        known = self._known()
        if known == self._saved:
            return
        try:
            await asyncio.to_thread(self._mark.add, known)
        except OSError as refused:
            _NOT_SAVED.inc()
            log.error(  # noqa: TRY400  # the reason is all that an operator needs
                "commit_mark_not_written", why=refused.strerror, file=refused.filename
            )
        else:
            self._saved = known

    async def keep_saved(self, database: Database, stop: asyncio.Event) -> None:
        """Write the newest commits once a second until `stop`, and once more then."""
        is_last = False
        while not is_last:
            try:
                async with asyncio.timeout(_SAVE_INTERVAL_S):
                    is_last = await stop.wait()
            except TimeoutError:
                is_last = False
            try:
                await self.save(database)
            except Unavailable as unavailable:
                log.warning("commit_mark_waits", what=unavailable.service)

    def _known(self) -> KnownCommits:
        return KnownCommits(
            installation_id=self._installation_id, seal=self._seal, attempts=tuple(self._newest)
        )

    async def _forget(self, missing: KnownCommits, present_id: str, *, is_other: bool) -> None:
        """Forget what is missing, here and in the file, so that it is noticed once."""
        left = self._known().without(missing)
        self._installation_id = present_id
        self._seal = None if is_other else left.seal
        self._newest = deque(() if is_other else left.attempts, maxlen=REMEMBERED_MAX)
        if self._mark is not None:
            try:
                await asyncio.to_thread(self._mark.remove, missing, installation_id=present_id)
            except OSError as refused:
                log.warning("commit_mark_not_written", why=refused.strerror, file=refused.filename)


async def _find_missing(connection: Connection, known: KnownCommits) -> tuple[KnownCommits, str]:
    """Return the known commits that the database lacks, and the id of its installation."""
    present = await recovery_store.present_attempts_any_merchant(
        connection, [entry.key for entry in known.attempts]
    )
    has_seal = known.seal is None or await recovery_store.has_seal_any_merchant(
        connection, known.seal.seal_number, known.seal.mac
    )
    missing = KnownCommits(
        seal=None if has_seal else known.seal,
        attempts=tuple(entry for entry in known.attempts if entry.key not in present),
    )
    return missing, await recovery_store.installation_id_any_merchant(connection)


def _describe(missing: KnownCommits, *, is_other: bool) -> str:
    if is_other:
        return "this host served another installation before: its database was made anew"
    if missing.attempts:
        return f"{max(missing.attempts).attempt_id} is missing"
    assert missing.seal is not None, "something is missing"
    return f"seal {missing.seal.seal_number} of the ledger is missing"

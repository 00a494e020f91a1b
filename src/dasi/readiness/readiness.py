"""Checks whether this process is able to work, and refuses what it is not able to do.

A clock that disagrees with PostgreSQL's makes deadlines and lookups wrong: no charge is sent and no
background work that depends on the time is done. Standbys that lag behind may lose a payment that
was acknowledged: no live charge is sent unless the operator accepts that.
"""

import asyncio
import time
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from prometheus_client import Gauge

from dasi.foundation.clock import Clock
from dasi.foundation.db import Connection, Database
from dasi.foundation.errors import OperatorError, Unavailable
from dasi.foundation.postgres import UNAVAILABLE
from dasi.foundation.vault import Vault
from dasi.readiness import checks, server_store
from dasi.readiness.checks import Check
from dasi.readiness.server_store import ServerState
from dasi.sealing_keys import check_sealing_keys

log = structlog.get_logger()

ANSWER_S = 3.0
"""A server that does not answer a trivial query for so long is not able to charge."""
WATCH_S = 2.0
_SILENT_MAX = 2
"""Checks without an answer, one after the other, until all connections are cut."""
_REFUSED_RETRY_AFTER_S = 30
_ABLE = Gauge(
    "dasi_able",
    "1 while a check of readiness holds, 0 while not",
    ["check"],
    multiprocess_mode="livemin",
)
_CLOCK_ERROR = Gauge(
    "dasi_clock_error_seconds",
    "By how much this machine's clock is ahead of PostgreSQL's",
    multiprocess_mode="livemostrecent",
)


class Readiness:
    """The result of the last check. Without a check nothing is refused."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        data_folder: Path | None = None,
        accepts_lost_payments: bool = False,
    ) -> None:
        """`clock`: this machine's, to compare with PostgreSQL's; None compares nothing.

        `data_folder`: of the embedded database, which has no standbys.
        """
        self._clock = clock
        self._data_folder = data_folder
        self._accepts_lost_payments = accepts_lost_payments
        self._session: Connection | None = None
        self._running: asyncio.Task[tuple[Check, ...]] | None = None
        self._server: tuple[object, object] | None = None
        self._answered_at = 0.0
        self._silent = 0
        self._unable: dict[str, str] = {}
        self._has_right_clock = True
        self._checked_at: tuple[datetime, float] | None = None
        self.takes_live_charges = True

    @property
    def is_clock_right(self) -> bool:
        """Whether this machine's clock agreed at the last check and has not jumped since.

        Between two checks a wrong clock would close attempts and lease schedules for too long.
        """
        return self._has_right_clock and not self._has_jumped()

    def ensure_clock_right(self) -> None:
        """`Unavailable` while this machine's clock disagrees with PostgreSQL's."""
        if not self.is_clock_right:
            raise Unavailable(
                "charging, because this machine's clock disagrees with PostgreSQL's,",
                retry_after_s=_REFUSED_RETRY_AFTER_S,
            )

    def ensure_live_charges(self) -> None:
        """`Unavailable` while standbys may lose an acknowledged payment."""
        if not self.takes_live_charges:
            raise Unavailable(
                "charging live cards, because PostgreSQL's standbys are asynchronous "
                "(operator: DASI_ASYNCHRONOUS_STANDBYS),",
                retry_after_s=_REFUSED_RETRY_AFTER_S,
            )

    async def check(self, database: Database, vault: Vault) -> tuple[Check, ...]:
        """Check all and return one `Check` each. Calls of one moment share a check."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._check(database, vault))
        return await asyncio.shield(self._running)

    async def watch(self, database: Database, vault: Vault) -> None:
        """Check every `WATCH_S` until it is cancelled."""
        while True:
            await self.check(database, vault)
            await asyncio.sleep(WATCH_S)

    def close(self) -> None:
        if self._session is not None:
            self._session.terminate()
            self._session = None

    async def _check(self, database: Database, vault: Vault) -> tuple[Check, ...]:
        results: list[Check] = []
        try:
            results += await self._check_server(database)
            async with asyncio.timeout(ANSWER_S):
                results.append(await _check_keys(database, vault))
        except Unavailable as unavailable:
            results.append(Check(name="database", is_able=False, text=str(unavailable)))
            if isinstance(unavailable.__cause__, TimeoutError):
                self._handle_silence(database)
        except TimeoutError:
            text = f"PostgreSQL did not answer within {ANSWER_S:.0f} s"
            results.append(Check(name="database", is_able=False, text=text))
            self._handle_silence(database)
        if self._data_folder is not None:
            results.append(checks.check_disk(self._data_folder))
        self._publish(results)
        return tuple(results)

    async def _check_server(self, database: Database) -> list[Check]:
        if self._session is None or self._session.is_closed():
            self._session = await database.open_session()
        loop = asyncio.get_running_loop()
        sent_at, began_at = loop.time(), None if self._clock is None else self._clock.now()
        began_monotonic_s = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_S):
                state = await server_store.server_state_any_merchant(self._session)
        except TimeoutError:
            self.close()
            raise
        except UNAVAILABLE as lost:
            self.close()
            raise Unavailable("the database", retry_after_s=2) from lost
        took_s = loop.time() - sent_at
        self._note_server(database, state)
        results = [checks.check_writes(state)]
        if state.is_read_only:
            self.close()  # the next check may find another server
        if began_at is not None:
            error = began_at + timedelta(seconds=took_s / 2) - state.now
            _CLOCK_ERROR.set(error.total_seconds())
            results.append(checks.check_clock(error))
            self._has_right_clock = results[-1].is_able
            self._checked_at = began_at, began_monotonic_s
        if self._data_folder is None:
            accepts = self._accepts_lost_payments
            results.append(checks.check_standbys(state, accepts_lost_payments=accepts))
            self.takes_live_charges = accepts or not checks.loses_commits(state)
        return results

    def _has_jumped(self) -> bool:
        """Whether the clock has moved otherwise than the monotonic one since the last check."""
        if self._clock is None or self._checked_at is None:
            return False
        checked_at, monotonic_s = self._checked_at
        passed = timedelta(seconds=time.monotonic() - monotonic_s)
        return abs(self._clock.now() - checked_at - passed) > checks.CLOCK_ERROR_MAX

    def _note_server(self, database: Database, state: ServerState) -> None:
        """Cut the connections that lead to an earlier server behind the same name."""
        server = (state.started_at, state.address)
        if self._server not in (None, server):
            log.warning("database_server_changed", address=state.address)
            database.drop_connections(opened_before=self._answered_at)
        self._server = server
        self._answered_at = asyncio.get_running_loop().time()
        self._silent = 0

    def _handle_silence(self, database: Database) -> None:
        """Cut all connections after two checks that no server answered, not even with an error."""
        self._silent += 1
        if self._silent == _SILENT_MAX:
            log.error("database_silent", hint="all connections are cut and opened anew")
            database.drop_connections()

    def _publish(self, results: list[Check]) -> None:
        """Log what changed, and set the gauges."""
        unable = {check.name: check.text for check in results if not check.is_able}
        for name in unable.keys() - self._unable.keys():
            log.error("not_able", check=name, why=unable[name])
        for name in self._unable.keys() - unable.keys():
            log.info("able_again", check=name)
        self._unable = unable
        for check in results:
            _ABLE.labels(check.name).set(check.is_able)


async def _check_keys(database: Database, vault: Vault) -> Check:
    try:
        await check_sealing_keys(database, vault)
    except OperatorError as error:
        return Check(name="sealing keys", is_able=False, text=" ".join(str(error).split("\n")))
    return Check(name="sealing keys", is_able=True, text="open the sentinel")

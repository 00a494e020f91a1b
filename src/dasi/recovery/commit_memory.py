"""The newest requests that this process knows to be committed, checked on every new connection.

A failover or a restore ends all connections. If the server behind a new one misses a row that was
committed, the database went back in time: charges that were paid may be missing with it.
"""

from collections import deque
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from dasi.foundation.clock import Clock
from dasi.foundation.db import Connection
from dasi.recovery import recovery_store
from dasi.recovery.state import enter_recovery

log = structlog.get_logger()

REMEMBERED_MAX = 64
"""More than the requests that one process commits at the same moment."""
_REMEMBERED_FOR = timedelta(days=2)
_WENT_BACK = Counter(
    "dasi_database_went_back_total", "Times that committed rows were missing after a reconnect"
)


class CommitMemory:
    """Remembers the attempts of the newest commits of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: deque[tuple[datetime, int, str]] = deque(maxlen=REMEMBERED_MAX)

    def remember(self, merchant_id: int, attempt_id: str) -> None:
        """Remember an attempt after its commit was confirmed, never before."""
        self._newest.append((self._clock.now(), merchant_id, attempt_id))

    async def check(self, connection: Connection) -> None:
        """Enter recovery if the database behind a new connection misses a remembered attempt."""
        now = self._clock.now()
        known = [entry for entry in self._newest if entry[0] > now - _REMEMBERED_FOR]
        if not known:
            return
        present = await recovery_store.present_attempts_any_merchant(
            connection, [(merchant_id, attempt_id) for _at, merchant_id, attempt_id in known]
        )
        missing = [entry for entry in known if (entry[1], entry[2]) not in present]
        if not missing:
            return
        _WENT_BACK.inc()
        log.error(
            "database_went_back",
            missing=len(missing),
            newest_missing=missing[-1][2],
            committed_at=missing[-1][0].isoformat(),
        )
        await enter_recovery(connection, now=now, detail=f"{missing[-1][2]} is missing")
        kept = [entry for entry in self._newest if entry not in missing]
        self._newest = deque(kept, maxlen=REMEMBERED_MAX)

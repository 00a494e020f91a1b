"""Live merchants: when a merchant becomes one, and when its pages may still use test channels."""

from datetime import datetime, timedelta

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Invalid

_TEST_WINDOWS_MAX = timedelta(days=7)
"""The longest time for which a live merchant's pages may use test channels."""


async def mark_live(connection: Connection, merchant_id: int, *, now: datetime) -> bool:
    """Make the merchant live. Return False if it is live already."""
    row = await connection.fetchrow(
        """UPDATE merchants SET live_since = $2 WHERE merchant_id = $1 AND live_since IS NULL
           RETURNING merchant_id""",
        merchant_id,
        now,
    )
    return row is not None


async def lock_is_live(connection: Connection, merchant_id: int) -> bool:
    """Return whether the merchant is live; it cannot become live until the transaction ends."""
    is_live: bool = await connection.fetchval(
        """SELECT live_since IS NOT NULL FROM merchants WHERE merchant_id = $1 FOR KEY SHARE""",
        merchant_id,
    )
    return is_live


async def allow_test_windows(
    engine: Engine, merchant_id: int, period: timedelta | None
) -> datetime | None:
    """Let the pages of a live merchant use its test channels for a time, and return its end.

    None ends it at once. Raises `Invalid` for a time that is not positive or above
    `_TEST_WINDOWS_MAX`.
    """
    if period is not None and not timedelta(0) < period <= _TEST_WINDOWS_MAX:
        raise Invalid("period", "hours_at_most", hours=_TEST_WINDOWS_MAX // timedelta(hours=1))
    until = None if period is None else engine.clock.now() + period
    await engine.database.fetch(
        "UPDATE merchants SET test_windows_until = $2 WHERE merchant_id = $1", merchant_id, until
    )
    return until

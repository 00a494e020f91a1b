"""SQL of the console's schedules: pages of a day and counts of a calendar."""

from dataclasses import dataclass
from datetime import date, datetime

from dasi.foundation.db import Database
from dasi.foundation.pages import Cursor
from dasi.schedules.schedule import Schedule
from dasi.schedules.schedule_store import SCHEDULE_COLUMNS, SCHEDULE_SOURCE, to_schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """Counts of the schedules of one Korean day."""

    day: date
    waiting: int
    waiting_krw: int
    """Of the `waiting` ones."""
    done: int
    revoked: int


async def page(
    database: Database,
    merchant_id: int,
    *,
    since: datetime,
    until: datetime,
    after: Cursor | None,
    limit: int,
) -> list[Schedule]:
    """Schedules after the cursor with `since <= schedule_at < until`, earliest first."""
    at, schedule_id = after or (None, None)
    rows = await database.fetch(
        f"""SELECT {SCHEDULE_COLUMNS} FROM {SCHEDULE_SOURCE}
            WHERE s.merchant_id = $1 AND s.schedule_at >= $2 AND s.schedule_at < $3
              AND ($4::timestamptz IS NULL OR (s.schedule_at, s.schedule_id) > ($4, $5))
            ORDER BY s.schedule_at, s.schedule_id LIMIT $6""",
        merchant_id,
        # The index is read from the cursor's moment on, not from `since` again.
        max(since, at) if at else since,
        until,
        at,
        schedule_id,
        limit,
    )
    return [to_schedule(row) for row in rows]


async def days(
    database: Database,
    merchant_id: int,
    *,
    since: datetime,
    until: datetime,
    include_sandbox: bool,
) -> list[CalendarDay]:
    """Counts of each Korean day that has schedules, in order."""
    rows = await database.fetch(
        """SELECT (schedule_at AT TIME ZONE 'Asia/Seoul')::date AS day,
                  count(*) FILTER (WHERE status IN ('scheduled', 'running'))::int AS waiting,
                  coalesce(sum(amount_krw) FILTER (WHERE status IN ('scheduled', 'running')), 0)
                  ::bigint AS waiting_krw,
                  count(*) FILTER (WHERE status = 'executed')::int AS done,
                  count(*) FILTER (WHERE status = 'revoked')::int AS revoked
           FROM schedules
           WHERE merchant_id = $1 AND schedule_at >= $2 AND schedule_at < $3
             AND ($4 OR channel_id IN (SELECT channel_id FROM channels
                                       WHERE merchant_id = $1 AND NOT is_sandbox))
           GROUP BY 1 ORDER BY 1""",
        merchant_id,
        since,
        until,
        include_sandbox,
    )
    return [CalendarDay(**row) for row in rows]

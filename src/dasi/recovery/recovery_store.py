"""SQL of the installation's row, and of what the database still knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dasi.foundation.db import Connection, Database


async def present_attempts_any_merchant(
    connection: Connection, attempts: Sequence[tuple[int, str]]
) -> set[tuple[int, str]]:
    """Those of the attempts that the database has."""
    rows = await connection.fetch(
        """SELECT a.merchant_id, a.attempt_id
           FROM unnest($1::bigint[], $2::text[]) AS known (merchant_id, attempt_id)
           JOIN pg_attempts a USING (merchant_id, attempt_id)""",
        [merchant_id for merchant_id, _attempt_id in attempts],
        [attempt_id for _merchant_id, attempt_id in attempts],
    )
    return {(row["merchant_id"], row["attempt_id"]) for row in rows}


async def newest_row_at_any_merchant(connection: Connection) -> datetime | None:
    """The newest moment that a row of the ledger or a webhook tells; None in an empty database."""
    newest: datetime | None = await connection.fetchval(
        """SELECT greatest((SELECT max(sent_at) FROM pg_attempts),
                           (SELECT max(started_at) FROM payments))"""
    )
    return newest


async def mode_any_merchant(connection: Connection | Database) -> tuple[Any, ...]:
    """(mode, since, newest_row_at, detail) of the installation."""
    row = await connection.fetchrow(
        "SELECT mode, mode_since, newest_row_at, mode_detail FROM installation"
    )
    assert row is not None, "the installation has one row"
    return tuple(row)


async def leave_normal_any_merchant(
    connection: Connection,
    *,
    mode: str,
    newest_row_at: datetime | None,
    detail: str,
    now: datetime,
) -> None:
    await connection.execute(
        """UPDATE installation
           SET mode = $1, mode_since = $2, newest_row_at = $3, mode_detail = $4
           WHERE mode = 'normal'""",
        mode,
        now,
        newest_row_at,
        detail,
    )


async def set_mode_any_merchant(
    connection: Connection,
    *,
    mode: str,
    newest_row_at: datetime | None,
    detail: str,
    now: datetime,
) -> None:
    await connection.execute(
        """UPDATE installation
           SET mode = $1, mode_since = $2, newest_row_at = $3, mode_detail = $4""",
        mode,
        now,
        newest_row_at,
        detail,
    )

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


async def installation_id_any_merchant(connection: Connection) -> str:
    return str(await connection.fetchval("SELECT installation_id FROM installation"))


async def has_seal_any_merchant(connection: Connection, seal_number: int, mac: bytes) -> bool:
    """Whether the ledger has exactly this seal."""
    row = await connection.fetchrow(
        "SELECT 1 FROM ledger_seals WHERE seal_number = $1 AND mac = $2", seal_number, mac
    )
    return row is not None


async def newest_seal_any_merchant(database: Database) -> tuple[str, tuple[int, bytes] | None]:
    """The id of the installation, and number and MAC of the newest seal."""
    row = await database.fetchrow(
        """SELECT i.installation_id, s.seal_number, s.mac FROM installation i
           LEFT JOIN LATERAL (SELECT seal_number, mac FROM ledger_seals
                              ORDER BY seal_number DESC LIMIT 1) s ON true"""
    )
    assert row is not None, "the installation has one row"
    seal = None if row["seal_number"] is None else (row["seal_number"], row["mac"])
    return str(row["installation_id"]), seal


async def home_any_merchant(
    connection: Connection,
) -> tuple[str | None, str | None, str | None]:
    """Where the original is (cluster and folder), and the cluster that this is.

    The last is None for a role that may not read PostgreSQL's system identifier.
    """
    row = await connection.fetchrow(
        """SELECT home_cluster, home_folder, current_database() AS database,
                  has_function_privilege('pg_control_system()', 'EXECUTE') AS may_read_system
           FROM installation"""
    )
    assert row is not None, "the installation has one row"
    cluster = None
    if row["may_read_system"]:
        system = await connection.fetchval("SELECT system_identifier FROM pg_control_system()")
        cluster = f"{system}/{row['database']}"
    return row["home_cluster"], row["home_folder"], cluster


async def set_home_any_merchant(
    connection: Connection, *, cluster: str | None, folder: str | None
) -> None:
    """Make this place the home of the original."""
    await connection.execute(
        "UPDATE installation SET home_cluster = $1, home_folder = $2::jsonb", cluster, folder
    )

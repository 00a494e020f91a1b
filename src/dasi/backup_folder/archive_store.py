"""SQL of PostgreSQL's archiver and of a base backup that runs. They belong to no merchant."""

from datetime import datetime
from typing import NamedTuple

from dasi.foundation.db import Connection, Database


class ArchiverState(NamedTuple):
    """Whether PostgreSQL archives its WAL, with the last success and the last failure."""

    is_on: bool
    archived_at: datetime | None
    failed_at: datetime | None

    @property
    def is_failing(self) -> bool:
        """Whether the newest try failed. PostgreSQL keeps the WAL and tries again."""
        if self.failed_at is None:
            return False
        return self.archived_at is None or self.archived_at < self.failed_at


async def archiver_state_any_merchant(database: Database | Connection) -> ArchiverState:
    row = await database.fetchrow(
        """SELECT current_setting('archive_mode') <> 'off', last_archived_time, last_failed_time
           FROM pg_stat_archiver"""
    )
    assert row is not None, "the view has one row"
    return ArchiverState(*row)


async def copied_bytes_any_merchant(connection: Connection) -> tuple[int, int]:
    """(copied, total) of the base backup that runs; zeros if none runs or the total is unknown."""
    row = await connection.fetchrow(
        """SELECT coalesce(sum(backup_streamed), 0)::bigint, coalesce(sum(backup_total), 0)::bigint
           FROM pg_stat_progress_basebackup"""
    )
    assert row is not None, "an aggregate has one row"
    return row[0], row[1]


async def cluster_any_merchant(connection: Connection) -> tuple[int, str, str]:
    """(bytes, system identifier, installation) of the cluster behind a connection."""
    row = await connection.fetchrow(
        """SELECT (SELECT sum(pg_database_size(oid)) FROM pg_database)::bigint,
                  (SELECT system_identifier::text FROM pg_control_system()),
                  (SELECT installation_id::text FROM installation)"""
    )
    assert row is not None, "a SELECT without FROM has one row"
    return row[0], row[1], row[2]


async def replayed_until_any_merchant(connection: Connection) -> datetime | None:
    """The moment of the last commit that a recovery replayed; None if it replayed none."""
    moment: datetime | None = await connection.fetchval("SELECT pg_last_xact_replay_timestamp()")
    return moment

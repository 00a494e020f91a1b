"""Brings a database to the current schema: numbered SQL files, once each, in order.

Every file runs in a transaction of its own under an advisory lock. So two migrators at once are
harmless, and a pooler that hands out connections by transaction may stand in between. Files of
indexes are the exception (`concurrent_indexes`). Files go forward only; a file that was applied and
then changed is refused by name.
"""

import asyncio
from collections.abc import Sequence

import asyncpg
import structlog

from dasi.foundation.db import Connection, connect
from dasi.foundation.errors import OperatorError
from dasi.schema import concurrent_indexes
from dasi.schema.migration import Migration, load_migrations
from dasi.schema.schema_state import make_table, read_state, record_migration

_ONE_MIGRATOR = 0x64617369  # "dasi", the key of the advisory lock
_WAIT_FOR_OTHER_MIGRATOR_S = 120.0
_POLL_S = 0.1
_WAIT_FOR_TABLE = "500ms"
"""Requests wait behind a migration that waits for a table. Less than PostgreSQL's
`deadlock_timeout`, so that it is the migration that gives way."""
_ATTEMPTS = 20
_PAUSE_S = 1.0


async def migrate(url: str, migrations: Sequence[Migration] | None = None) -> tuple[Migration, ...]:
    """Apply the missing expand steps and return them. An empty database gets all steps.

    `OperatorError` if a past file was changed, or a newer version has ended this one.
    """
    shipped = load_migrations() if migrations is None else tuple(migrations)
    connection = await connect(url)
    try:
        state = await read_state(connection, shipped)
        applied = [step for step in state.missing if await _apply_once(connection, step, shipped)]
    finally:
        await connection.close()
    return tuple(applied)


async def contract(
    url: str, migrations: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """Apply the waiting contract steps and return them. Versions before this one end.

    `OperatorError` if an expand step is missing: then this version runs nowhere yet.
    """
    shipped = load_migrations() if migrations is None else tuple(migrations)
    connection = await connect(url)
    try:
        state = await read_state(connection, shipped)
        if state.missing:
            raise OperatorError(
                "No contract step was applied.",
                cause=f"These migrations are missing: {', '.join(map(str, state.missing))}.",
                hint="Run `dasi migrate`, replace every gateway and worker by this version, and "
                "then run `dasi migrate --contract`.",
            )
        applied = [step for step in state.waiting if await _apply_once(connection, step, shipped)]
    finally:
        await connection.close()
    return tuple(applied)


async def _apply_once(
    connection: Connection, migration: Migration, shipped: Sequence[Migration]
) -> bool:
    """Return whether it was applied now; False if another migrator did it meanwhile."""
    apply = _apply_concurrently if migration.is_concurrent else _apply_in_transaction
    loop = asyncio.get_running_loop()
    patience_ends, attempts_left = loop.time() + _WAIT_FOR_OTHER_MIGRATOR_S, _ATTEMPTS
    while True:
        try:
            if await apply(connection, migration, shipped):
                return True
            state = await read_state(connection, shipped)
            if migration not in (*state.missing, *state.waiting):
                return False
            if loop.time() > patience_ends:
                raise _not_applied(migration, "Another `dasi migrate` is at work.")
            await asyncio.sleep(_POLL_S)
        except asyncpg.LockNotAvailableError as busy:
            attempts_left -= 1
            if not attempts_left:
                raise _not_applied(migration, f"A lock was not to be had: {busy}.") from busy
            structlog.get_logger("dasi").warning(
                "migration_waits_for_a_table", migration=str(migration), attempts_left=attempts_left
            )
            await asyncio.sleep(_PAUSE_S)


async def _apply_in_transaction(
    connection: Connection, migration: Migration, shipped: Sequence[Migration]
) -> bool:
    """Return whether it was applied; False if another migrator is at work, or was faster.

    It does not wait in the lock: a waiting statement has a snapshot, and an index that another
    migrator builds concurrently would wait for its end.
    """
    async with connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _ONE_MIGRATOR):
            return False
        await connection.execute(f"SET LOCAL lock_timeout = '{_WAIT_FOR_TABLE}'")
        state = await read_state(connection, shipped)
        if migration not in (*state.missing, *state.waiting):
            return False
        await make_table(connection)
        await connection.execute(migration.sql)
        await record_migration(connection, migration)
        return True


async def _apply_concurrently(
    connection: Connection, migration: Migration, shipped: Sequence[Migration]
) -> bool:
    """As `_apply_in_transaction`, for a file of indexes, outside a transaction.

    It waits for tables as long as it takes, because no request waits behind it.
    """
    # After an error the connection ends, and the lock with it.
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _ONE_MIGRATOR):
        return False
    state = await read_state(connection, shipped)
    is_pending = migration in (*state.missing, *state.waiting)
    if is_pending:
        await connection.execute("SET lock_timeout = 0; SET statement_timeout = 0")
        await concurrent_indexes.run(connection, migration.sql)
        await record_migration(connection, migration)
        await connection.execute("RESET lock_timeout; RESET statement_timeout")
    await connection.fetchval("SELECT pg_advisory_unlock($1)", _ONE_MIGRATOR)
    return is_pending


def _not_applied(migration: Migration, cause: str) -> OperatorError:
    return OperatorError(
        f"Migration {migration} was not applied; nothing of it was done.",
        cause=cause,
        hint="Something holds a table for long: see pg_stat_activity, then run `dasi migrate` "
        "again.",
    )

"""Brings a database to the current schema: numbered SQL files, once each, in order.

Every file runs in a transaction of its own under an advisory lock, so two migrators at once are
harmless and a pooler that hands out connections by transaction may stand in between. Files go
forward only; a file that was applied and then changed is refused by name.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import asyncpg

from dasi.foundation.db import Connection, Database, connect
from dasi.foundation.errors import OperatorError

_ONE_MIGRATOR = 0x64617369  # "dasi", the key of the advisory lock
_WAIT_FOR_OTHER_MIGRATOR = "120s"
_WAIT_FOR_TABLE = "5s"  # old code keeps running meanwhile: better to give up than to block it


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


def load_migrations(package: str = "dasi.migrations") -> tuple[Migration, ...]:
    """The migrations this version ships, in order: `NNNN_name.sql`, numbered without a gap."""
    files = [f for f in resources.files(package).iterdir() if f.name.endswith(".sql")]
    migrations = []
    for file in sorted(files, key=lambda file: file.name):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        migrations.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    assert [m.number for m in migrations] == list(range(1, len(migrations) + 1)), "a gap"
    return tuple(migrations)


async def migrate(url: str, migrations: Sequence[Migration] | None = None) -> tuple[Migration, ...]:
    """Apply the missing migrations and return them.

    `OperatorError` if a past file was changed, or the database is newer than this version.
    """
    shipped = load_migrations() if migrations is None else tuple(migrations)
    connection = await connect(url)
    try:
        applied = [
            migration for migration in shipped if await _apply_once(connection, migration, shipped)
        ]
    finally:
        await connection.close()
    return tuple(applied)


async def require_current(
    database: Database, migrations: Sequence[Migration] | None = None
) -> None:
    """`OperatorError` naming the migrations that are missing, changed or unknown. Read only."""
    shipped = load_migrations() if migrations is None else tuple(migrations)
    async with database.transaction() as connection:
        missing = _missing(await _past(connection), shipped)
    if missing:
        raise OperatorError(
            "The database is older than this version of dasi.",
            cause=f"These migrations are missing: {', '.join(map(str, missing))}.",
            hint="Run `dasi migrate` once, then start again.",
        )


async def _apply_once(
    connection: Connection, migration: Migration, shipped: Sequence[Migration]
) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_WAIT_FOR_OTHER_MIGRATOR}'")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_MIGRATOR)
            await connection.execute(f"SET LOCAL lock_timeout = '{_WAIT_FOR_TABLE}'")
            if migration not in _missing(await _past(connection), shipped):
                return False
            await _run(connection, migration)
    except asyncpg.LockNotAvailableError as busy:
        raise OperatorError(
            f"Migration {migration} was not applied; nothing of it was done.",
            cause=f"A lock was not to be had: {busy}.",
            hint="Something else holds a table for long: see pg_stat_activity, then run "
            "`dasi migrate` again.",
        ) from busy
    return True


async def _run(connection: Connection, migration: Migration) -> None:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations ("
        " number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )
    await connection.execute(migration.sql)
    await connection.execute(
        "INSERT INTO schema_migrations (number, name, sha256) VALUES ($1, $2, $3)",
        migration.number,
        migration.name,
        migration.sha256,
    )


async def _past(connection: Connection) -> dict[int, tuple[str, str]]:
    """Name and digest of every applied migration, by number."""
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT number, name, sha256 FROM schema_migrations")
    return {row["number"]: (row["name"], row["sha256"]) for row in rows}


def _missing(
    past: dict[int, tuple[str, str]], shipped: Sequence[Migration]
) -> tuple[Migration, ...]:
    by_number = {migration.number: migration for migration in shipped}
    for number, (name, sha256) in sorted(past.items()):
        migration = by_number.get(number)
        if migration is None:
            raise OperatorError(
                "The database is newer than this version of dasi.",
                cause=f"It has migration {number:04}_{name}, which this version does not know.",
                hint="Start the version that made it, or a newer one.",
            )
        if migration.sha256 != sha256:
            raise OperatorError(
                f"The past migration {number:04}_{name} was changed after it was applied.",
                cause=f"Its digest was {sha256[:12]}… when applied and is "
                f"{migration.sha256[:12]}… now.",
                hint="Put the file back as it was and write the change as a new migration.",
            )
    return tuple(migration for migration in shipped if migration.number not in past)

"""The difference between a database and the migrations of this version."""

from collections.abc import Sequence
from dataclasses import dataclass

from dasi.foundation.db import Connection, Database, connect
from dasi.foundation.errors import OperatorError
from dasi.schema.migration import Migration, load_migrations

_TABLE = """CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
    kind text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)"""


@dataclass(frozen=True, slots=True)
class _Applied:
    """One row of `schema_migrations`."""

    number: int
    name: str
    sha256: str
    kind: str

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The difference between a database and the migrations of this version."""

    missing: tuple[Migration, ...]
    """Expand steps: this version needs them. Of an empty database: all steps."""
    waiting: tuple[Migration, ...]
    """Contract steps: this version runs with and without them."""
    is_newer: bool
    """Whether a newer version has applied expand steps."""


async def schema_state(url: str, migrations: Sequence[Migration] | None = None) -> SchemaState:
    """Compare a database with the migrations of this version. `OperatorError` as in `migrate`."""
    shipped = load_migrations() if migrations is None else tuple(migrations)
    connection = await connect(url)
    try:
        return await read_state(connection, shipped)
    finally:
        await connection.close()


async def require_current(
    database: Database, migrations: Sequence[Migration] | None = None
) -> None:
    """`OperatorError` naming the migrations that are missing, changed or end this version.

    Read only. The expand steps of a newer version are no hindrance.
    """
    shipped = load_migrations() if migrations is None else tuple(migrations)
    async with database.transaction() as connection:
        state = await read_state(connection, shipped)
    if state.missing:
        raise OperatorError(
            "The database is older than this version of dasi.",
            cause=f"These migrations are missing: {', '.join(map(str, state.missing))}.",
            hint="Run `dasi migrate` once, then start again.",
        )


async def read_state(connection: Connection, shipped: Sequence[Migration]) -> SchemaState:
    """As `schema_state`, on an open connection."""
    applied = await _read_applied(connection)
    by_number = {migration.number: migration for migration in shipped}
    is_newer = False
    for step in applied:
        migration = by_number.get(step.number)
        if migration is None:
            is_newer = True
            _refuse_contract(step)
        elif migration.sha256 != step.sha256:
            raise OperatorError(
                f"The past migration {step} was changed after it was applied.",
                cause=f"Its digest was {step.sha256[:12]}… when applied and is "
                f"{migration.sha256[:12]}… now.",
                hint="Put the file back as it was and write the change as a new migration.",
            )
    numbers = {step.number for step in applied}
    left = [migration for migration in shipped if migration.number not in numbers]
    return SchemaState(
        missing=tuple(step for step in left if step.kind == "expand" or not applied),
        waiting=tuple(step for step in left if step.kind == "contract" and applied),
        is_newer=is_newer,
    )


async def _read_applied(connection: Connection) -> list[_Applied]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return []
    rows = await connection.fetch(
        "SELECT number, name, sha256, kind FROM schema_migrations ORDER BY number"
    )
    return [_Applied(**row) for row in rows]


def _refuse_contract(step: _Applied) -> None:
    """A step that this version does not know: an expand step of a newer version is no hindrance."""
    if step.kind != "expand":
        raise OperatorError(
            "The database is newer than this version of dasi.",
            cause=f"It has the contract step {step}, which this version does not know: what this "
            "version needs may be gone.",
            hint="Start the version that made it, or a newer one.",
        )


async def make_table(connection: Connection) -> None:
    """Create the table of applied migrations, unless it exists."""
    await connection.execute(_TABLE)


async def record_migration(connection: Connection, migration: Migration) -> None:
    """Write down that a migration was applied."""
    await connection.execute(
        "INSERT INTO schema_migrations (number, name, sha256, kind) VALUES ($1, $2, $3, $4)",
        migration.number,
        migration.name,
        migration.sha256,
        migration.kind,
    )

"""Builds and drops indexes of big tables while requests read and write them.

PostgreSQL does that outside a transaction. A build that is interrupted leaves an invalid index,
which every write maintains and no query uses; the next run drops it and builds it anew.
"""

import re
from dataclasses import dataclass

import asyncpg

from dasi.foundation.db import Connection
from dasi.foundation.errors import OperatorError

_CREATE = re.compile(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+)\s+ON\s", re.IGNORECASE)
_DROP = re.compile(r"DROP INDEX CONCURRENTLY IF EXISTS (\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IndexStep:
    index: str
    sql: str
    is_build: bool


def parse(sql: str) -> tuple[IndexStep, ...]:
    """Return the statements of a file of indexes. `ValueError` names any other statement."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    steps = []
    for text in filter(None, map(str.strip, "\n".join(lines).split(";"))):
        build, drop = _CREATE.match(text), _DROP.fullmatch(text)
        if build is not None:
            steps.append(IndexStep(build[1], text, is_build=True))
        elif drop is not None:
            steps.append(IndexStep(drop[1], text, is_build=False))
        else:
            raise ValueError(
                "a file with `-- concurrently` holds `CREATE [UNIQUE] INDEX CONCURRENTLY name ON` "
                f"and `DROP INDEX CONCURRENTLY IF EXISTS name` only, not: {text[:80]}"
            )
    return tuple(steps)


async def run(connection: Connection, sql: str) -> None:
    """Run the statements, except for indexes that are built already. No transaction is open.

    `OperatorError` if rows break a unique index; the index is dropped again.
    """
    for step in parse(sql):
        if not step.is_build:
            await connection.execute(step.sql)
            continue
        is_valid = await connection.fetchval(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", step.index
        )
        if is_valid:
            continue
        if is_valid is not None:
            await _drop(connection, step)
        try:
            await connection.execute(step.sql)
        except asyncpg.IntegrityConstraintViolationError as broken:
            await _drop(connection, step)
            raise OperatorError(
                f"The index {step.index} was not built.",
                cause=f"The rows do not allow it: {broken}.",
                hint="Correct the rows that PostgreSQL names, then run `dasi migrate` again.",
            ) from broken


async def _drop(connection: Connection, step: IndexStep) -> None:
    await connection.execute(f"DROP INDEX CONCURRENTLY {step.index}")

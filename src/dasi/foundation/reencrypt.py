"""Seal again with the newest key what older keys have sealed, so that an old key can be dropped.

Each room says where it keeps sealed values (`SealedValues`); here they are opened and sealed anew,
batch by batch, while the gateways run. A value that changes meanwhile is left as it is then:
whoever changed it sealed it with the newest key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dasi.foundation.db import Database, Row
from dasi.foundation.vault import CannotOpen, Vault

BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedValues:
    """One column of sealed values. `bound_to` says of a row what its value is bound to."""

    what: str
    """For a person: "billing keys"."""
    table: str
    key: tuple[str, ...]
    column: str
    bound_to: Callable[[Mapping[str, Any]], str]


@dataclass(slots=True, kw_only=True)
class Resealed:
    what: str
    resealed: int = 0
    unopened: list[str] = field(default_factory=list)
    """Rows whose value no loaded key opens, and why."""


async def reseal(database: Database, vault: Vault, values: SealedValues) -> Resealed:
    """Seals again whatever is not sealed with the newest key. Safe to repeat and to interrupt."""
    done = Resealed(what=values.what)
    after: tuple[Any, ...] = ()
    while rows := await _older(database, vault, values, after):
        for row in rows:
            after = tuple(row[name] for name in values.key)
            try:
                done.resealed += await _reseal_one(database, vault, values, row)
            except CannotOpen as why:
                done.unopened.append(f"{values.table} {' '.join(map(str, after))}: {why}")
    return done


async def _older(
    database: Database, vault: Vault, values: SealedValues, after: tuple[Any, ...]
) -> list[Row]:
    """The next rows, in the order of their key, that the newest key has not sealed."""
    key = ", ".join(values.key)
    places = ", ".join(f"${place}" for place in range(2, len(after) + 2))
    beyond = f"AND ({key}) > ({places})" if after else ""
    return await database.fetch(
        f"""SELECT * FROM {values.table}
            WHERE {values.column} IS NOT NULL AND {values.column} <> ''
              AND substring({values.column} FROM 1 FOR length($1::bytea)) <> $1 {beyond}
            ORDER BY {key} LIMIT {BATCH}""",  # noqa: S608 - names of our own tables
        vault.newest_mark,
        *after,
    )


async def _reseal_one(database: Database, vault: Vault, values: SealedValues, row: Row) -> bool:
    bound_to, old = values.bound_to(row), row[values.column]
    sealed = vault.seal(vault.open(old, bound_to=bound_to), bound_to=bound_to)
    where = " AND ".join(f"{name} = ${place}" for place, name in enumerate(values.key, start=3))
    changed = await database.fetch(
        f"""UPDATE {values.table} SET {values.column} = $1
            WHERE {values.column} = $2 AND {where} RETURNING 1""",  # noqa: S608 - as above
        sealed,
        old,
        *(row[name] for name in values.key),
    )
    return bool(changed)

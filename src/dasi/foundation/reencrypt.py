"""Seal values of older keys again with the newest key, so that an old key can be dropped.

Each domain package names its columns of sealed values (`EncryptedColumn`). This module seals them
again, batch by batch, while the gateways run. It leaves alone a value that changes meanwhile: the
change sealed it with the newest key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dasi.foundation.db import Database, Row
from dasi.foundation.vault import DecryptionError, Vault

BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedColumn:
    """One column of sealed values. `associated_data` returns what binds a value to its row."""

    label: str
    """For the operator: "billing keys"."""
    table: str
    key: tuple[str, ...]
    column: str
    associated_data: Callable[[Mapping[str, Any]], str]


@dataclass(slots=True, kw_only=True)
class ReencryptResult:
    label: str
    reencrypted: int = 0
    unopened: list[str] = field(default_factory=list)
    """Rows whose value no loaded key opens, each with its error."""


async def reencrypt(database: Database, vault: Vault, values: EncryptedColumn) -> ReencryptResult:
    """Seal every value again that the newest key has not sealed. Safe to repeat and interrupt."""
    done = ReencryptResult(label=values.label)
    after: tuple[Any, ...] = ()
    while rows := await _older(database, vault, values, after):
        for row in rows:
            after = tuple(row[name] for name in values.key)
            try:
                done.reencrypted += await _reencrypt_one(database, vault, values, row)
            except DecryptionError as error:
                done.unopened.append(f"{values.table} {' '.join(map(str, after))}: {error}")
    return done


async def _older(
    database: Database, vault: Vault, values: EncryptedColumn, after: tuple[Any, ...]
) -> list[Row]:
    """Return the next rows, in the order of their key, that the newest key has not sealed."""
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


async def _reencrypt_one(
    database: Database, vault: Vault, values: EncryptedColumn, row: Row
) -> bool:
    associated_data, old = values.associated_data(row), row[values.column]
    sealed = vault.seal(
        vault.open(old, associated_data=associated_data), associated_data=associated_data
    )
    where = " AND ".join(f"{name} = ${place}" for place, name in enumerate(values.key, start=3))
    changed = await database.fetch(
        f"""UPDATE {values.table} SET {values.column} = $1
            WHERE {values.column} = $2 AND {where} RETURNING 1""",  # noqa: S608 - as above
        sealed,
        old,
        *(row[name] for name in values.key),
    )
    return bool(changed)

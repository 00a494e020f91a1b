"""Re-encryption of encrypted columns with the newest key, before an old key is dropped.

`reencrypt` works batch by batch while the gateways run. It leaves a value that changes meanwhile,
because its writer sealed it with the newest key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dasi.foundation.db import Database, Row
from dasi.foundation.vault import DecryptionError, EncryptedColumn, Vault

BATCH = 200


@dataclass(slots=True, kw_only=True)
class ReencryptResult:
    """The progress of one column: values sealed again, and values that no key opens."""

    title: str
    reencrypted: int = 0
    unopened: list[str] = field(default_factory=list)
    """Rows whose value no loaded key opens, each with the reason."""


async def reencrypt(
    database: Database, vault: Vault, encrypted: EncryptedColumn
) -> ReencryptResult:
    """Seal every value of a column with the newest key. Safe to repeat and to interrupt."""
    result = ReencryptResult(title=encrypted.title)
    after: tuple[Any, ...] = ()
    while rows := await _older(database, vault, encrypted, after):
        for row in rows:
            after = tuple(row[name] for name in encrypted.key)
            try:
                result.reencrypted += await _reencrypt_row(database, vault, encrypted, row)
            except DecryptionError as error:
                result.unopened.append(f"{encrypted.table} {' '.join(map(str, after))}: {error}")
    return result


async def _older(
    database: Database, vault: Vault, encrypted: EncryptedColumn, after: tuple[Any, ...]
) -> list[Row]:
    """The next rows, in the order of their key, whose value an older key has sealed."""
    key = ", ".join(encrypted.key)
    places = ", ".join(f"${place}" for place in range(2, len(after) + 2))
    after_key = f"AND ({key}) > ({places})" if after else ""
    return await database.fetch(
        f"""SELECT * FROM {encrypted.table}
            WHERE {encrypted.column} IS NOT NULL AND {encrypted.column} <> ''
              AND substring({encrypted.column} FROM 1 FOR length($1::bytea)) <> $1 {after_key}
            ORDER BY {key} LIMIT {BATCH}""",  # noqa: S608 - names of our own tables
        vault.newest_mark,
        *after,
    )


async def _reencrypt_row(
    database: Database, vault: Vault, encrypted: EncryptedColumn, row: Mapping[str, Any]
) -> bool:
    old = row[encrypted.column]
    columns = dict(row)
    sealed = encrypted.seal(vault, encrypted.open(vault, old, **columns), **columns)
    where = " AND ".join(f"{name} = ${place}" for place, name in enumerate(encrypted.key, start=3))
    changed = await database.fetch(
        f"""UPDATE {encrypted.table} SET {encrypted.column} = $1
            WHERE {encrypted.column} = $2 AND {where} RETURNING 1""",  # noqa: S608 - as above
        sealed,
        old,
        *(row[name] for name in encrypted.key),
    )
    return bool(changed)

"""The SQL of the sentinel, which belongs to the installation and to no merchant."""

from dasi.foundation.db import Database


async def sentinel_any_merchant(database: Database) -> bytes | None:
    """Return the sealed text, or None in a new database."""
    row = await database.fetchrow("SELECT sealed FROM vault_sentinel")
    return None if row is None else bytes(row["sealed"])


async def insert_sentinel_any_merchant(database: Database, sealed: bytes) -> bytes:
    """Insert the only row and return its sealed text. Of two processes, the first one's stays."""
    await database.fetch(
        "INSERT INTO vault_sentinel (sealed) VALUES ($1) ON CONFLICT DO NOTHING", sealed
    )
    present = await sentinel_any_merchant(database)
    assert present is not None, "no statement deletes it"
    return present

"""Everything a database holds, as text: where a test looks for what must not be there."""

import json

from dasi.foundation.db import Database


async def database_text(database: Database) -> str:
    """Every row of every table; binary columns in hex and as the bytes read as UTF-8."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 8, "the schema is there"
    held = []
    for (table,) in tables:
        rows = await database.fetch(f"SELECT * FROM {table}")
        held += [json.dumps(dict(row), default=_shown, ensure_ascii=False) for row in rows]
    return "\n".join(held)


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"{value.hex()} {value.decode(errors='replace')}"
    return str(value)

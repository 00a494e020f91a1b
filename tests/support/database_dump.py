"""All rows of a database as text, for tests that search it for data that must not be stored."""

import json

from dasi.foundation.db import Database


async def database_text(database: Database) -> str:
    """Every row of every table; binary columns in hex and as the bytes read as UTF-8."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 8, "the schema is there"
    lines = []
    for (table,) in tables:
        rows = await database.fetch(f"SELECT * FROM {table}")
        lines += [json.dumps(dict(row), default=_shown, ensure_ascii=False) for row in rows]
    return "\n".join(lines)


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"{value.hex()} {value.decode(errors='replace')}"
    return str(value)

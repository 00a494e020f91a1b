"""Write docs/reference/schema.md from the migrated database and the comments in the migrations.

cd tests && ../.venv/bin/python -m architecture.schema_page
"""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg

from architecture.source_tree import ROOT, SRC
from architecture.test_tables import OWNERS
from support.database import TEMPLATE, running_server

PAGE = ROOT / "docs/reference/schema.md"
_MIGRATIONS = SRC / "dasi/migrations"
_COMMENT = re.compile(r"((?:^-- .*\n)+)^CREATE TABLE (\w+)", re.MULTILINE)
_INTRODUCTION = """# Database schema

All tables of dasi in PostgreSQL. One package owns each table and is the only one to write it
([exceptions](../../tests/architecture/test_tables.py)). The migrations in `src/dasi/migrations/`
hold the indexes and the reasons. Times are UTC. The unit is part of a column's name (`amount_krw`).

This page is generated: `cd tests && ../.venv/bin/python -m architecture.schema_page`.
"""
_COLUMNS = """
    SELECT c.relname AS table_name, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           NOT a.attnotnull AS is_nullable, a.attidentity <> '' AS is_identity,
           a.attgenerated <> '' AS is_generated, pg_get_expr(d.adbin, d.adrelid) AS default_value,
           ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
                 WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
                 ORDER BY k.conname) AS checks
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    ORDER BY c.relname, a.attnum"""
_KEYS = """
    SELECT c.relname AS table_name, pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE k.contype IN ('p', 'f') AND c.relnamespace = 'public'::regnamespace
    ORDER BY c.relname, k.contype DESC, definition"""


def descriptions() -> dict[str, str]:
    """By table: the first sentence of the comment above its CREATE TABLE."""
    comments = {"schema_migrations": "One row for each migration that was applied."}
    for path in sorted(_MIGRATIONS.glob("*.sql")):
        for comment, table in _COMMENT.findall(path.read_text()):
            text = " ".join(line.removeprefix("-- ") for line in comment.splitlines())
            comments[table] = re.match(r".*?[.](?=\s|$)", text)[0]  # type: ignore[index]  # a bug if None
    return comments


async def render(connection: asyncpg.Connection) -> str:
    """The page for the schema of a migrated database."""
    columns: dict[str, list[Any]] = {}
    for row in await connection.fetch(_COLUMNS):
        columns.setdefault(row["table_name"], []).append(row)
    keys: dict[str, list[str]] = {}
    for row in await connection.fetch(_KEYS):
        keys.setdefault(row["table_name"], []).append(row["definition"])
    return "\n".join([_INTRODUCTION, *_lines(columns, keys)])


def _lines(columns: dict[str, list[Any]], keys: dict[str, list[str]]) -> Iterator[str]:
    comments = descriptions()
    yield from ("| Table | Owner | |", "|---|---|---|")
    tables = [(table, owner) for owner, owned in OWNERS.items() for table in owned]
    for table, owner in tables:
        yield f"| [`{table}`](#{table}) | `{owner}` | {comments[table]} |"
    for table, owner in tables:
        yield from ("", f"## {table}", "", f"{comments[table]} Owner: `{owner}`.", "")
        yield from ("| Column | Type | Null | Default | Allowed values |", "|---|---|---|---|---|")
        for column in columns[table]:
            cells = (
                f"`{column['name']}`",
                column["type"].replace("timestamp with time zone", "timestamptz"),
                "yes" if column["is_nullable"] else "no",
                _default(column),
                "; ".join(_allowed(check) for check in column["checks"]),
            )
            yield "|".join(["", *(f" {cell} " if cell else " " for cell in cells), ""])
        yield ""
        yield from (f"- `{key}`" for key in keys.get(table, []))
    yield ""


def _default(column: Any) -> str:
    if column["is_identity"]:
        return "identity"
    if column["default_value"] is None:
        return ""
    return f"{'generated: ' if column['is_generated'] else ''}`{_plain(column['default_value'])}`"


def _allowed(check: str) -> str:
    """`CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text])))` is `open`, `closed`."""
    condition = check.removeprefix("CHECK ")[1:-1]
    values = re.fullmatch(r"\(\w+ = ANY \(ARRAY\[(.*)\]\)\)", condition)
    if values is not None:
        return ", ".join(f"`{value}`" for value in re.findall(r"'([^']*)'", values[1]))
    return f"`{_plain(condition)}`".replace("|", "\\|")


def _plain(expression: str) -> str:
    """An expression as the catalog prints it, without its casts and its outer brackets."""
    text = re.sub(r"::(text|bigint|integer|interval)(\[\])?", "", expression)
    while text.startswith("(") and _closes_at_end(text):
        text = text[1:-1]
    return text


def _closes_at_end(text: str) -> bool:
    """Whether the first bracket closes with the last character."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(text) - 1
    return False


async def _write(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        PAGE.write_text(await render(connection))
    finally:
        await connection.close()


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder) / "data") as server:
        asyncio.run(_write(server.owner_url_of(TEMPLATE)))


if __name__ == "__main__":
    main()

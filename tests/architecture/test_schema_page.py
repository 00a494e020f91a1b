"""docs/reference/schema.md shows the schema that the migrations make."""

import asyncpg

from architecture.schema_page import PAGE, descriptions, render
from architecture.test_tables import owner_of


async def test_schema_page_matches_the_database(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        expected = await render(connection)
    finally:
        await connection.close()
    assert PAGE.read_text() == expected, (
        "What to do: `cd tests && ../.venv/bin/python -m architecture.schema_page`."
    )


def test_every_table_says_what_a_row_is() -> None:
    silent = sorted(owner_of().keys() - descriptions().keys())
    assert not silent, (
        f"{silent}. What to do: write `-- One row for each …` above CREATE TABLE in the migration."
    )

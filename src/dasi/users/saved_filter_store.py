"""SQL of the people's room: views that a person keeps."""

from datetime import datetime

from dasi.foundation.db import Connection, Database, Row


async def views(connection: Connection | Database, merchant_id: int, person_id: int) -> list[Row]:
    return await connection.fetch(
        """SELECT name, query FROM saved_views
           WHERE merchant_id = $1 AND person_id = $2 ORDER BY saved_at, name""",
        merchant_id,
        person_id,
    )


async def lock_views(connection: Connection, merchant_id: int, person_id: int) -> None:
    """Two savings of one person go one after the other, so that a limit holds."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('saved_views ' || $1 || ' ' || $2, 0))",
        str(merchant_id),
        str(person_id),
    )


async def put_view(
    connection: Connection,
    merchant_id: int,
    person_id: int,
    *,
    name: str,
    query: str,
    now: datetime,
) -> None:
    await connection.execute(
        """INSERT INTO saved_views (merchant_id, person_id, name, query, saved_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (merchant_id, person_id, name) DO UPDATE SET query = $4""",
        merchant_id,
        person_id,
        name,
        query,
        now,
    )


async def delete_view(database: Database, merchant_id: int, person_id: int, name: str) -> bool:
    row = await database.fetchrow(
        """DELETE FROM saved_views WHERE merchant_id = $1 AND person_id = $2 AND name = $3
           RETURNING name""",
        merchant_id,
        person_id,
        name,
    )
    return row is not None

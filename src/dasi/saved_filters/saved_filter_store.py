"""SQL of saved filters."""

from datetime import datetime

from dasi.foundation.db import Connection, Database, Row


async def filters(connection: Connection | Database, merchant_id: int, user_id: int) -> list[Row]:
    return await connection.fetch(
        """SELECT name, query FROM saved_filters
           WHERE merchant_id = $1 AND user_id = $2 ORDER BY saved_at, name""",
        merchant_id,
        user_id,
    )


async def lock_filters(connection: Connection, merchant_id: int, user_id: int) -> None:
    """Serialize the changes of one user, so that two at the same time cannot exceed the limit."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('saved_filters ' || $1 || ' ' || $2, 0))",
        str(merchant_id),
        str(user_id),
    )


async def put_filter(
    connection: Connection,
    merchant_id: int,
    user_id: int,
    *,
    name: str,
    query: str,
    now: datetime,
) -> None:
    await connection.execute(
        """INSERT INTO saved_filters (merchant_id, user_id, name, query, saved_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (merchant_id, user_id, name) DO UPDATE SET query = $4""",
        merchant_id,
        user_id,
        name,
        query,
        now,
    )


async def delete_filter(database: Database, merchant_id: int, user_id: int, name: str) -> bool:
    row = await database.fetchrow(
        """DELETE FROM saved_filters WHERE merchant_id = $1 AND user_id = $2 AND name = $3
           RETURNING name""",
        merchant_id,
        user_id,
        name,
    )
    return row is not None

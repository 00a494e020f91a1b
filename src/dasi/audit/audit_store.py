"""SQL of the people's room: the audit log. Rows are only ever added."""

from collections.abc import Sequence
from datetime import datetime

from dasi.audit.audit_entry import Act, Origin
from dasi.foundation.db import Connection, Database


async def insert_act(
    connection: Connection | Database,
    merchant_id: int | None,
    *,
    person_id: int | None,
    email: str,
    what: str,
    about: str | None,
    detail: str | None,
    origin: Origin,
    now: datetime,
) -> None:
    await connection.fetch(
        """INSERT INTO audit_log
               (merchant_id, at, person_id, email, what, about, detail, address, user_agent)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        merchant_id,
        now,
        person_id,
        email,
        what,
        about,
        detail,
        origin.address,
        origin.user_agent,
    )


async def acts(
    database: Database,
    merchant_id: int,
    *,
    with_merchantless: bool,
    words: str | None,
    before: int | None,
    limit: int,
) -> list[Act]:
    """Newest first, older than `before`. `words` are looked for in who, what and about."""
    rows = await database.fetch(
        """SELECT position, at, email, what, about, detail, address, user_agent FROM audit_log
           WHERE (merchant_id = $1 OR ($2 AND merchant_id IS NULL))
             AND ($3::text IS NULL
                  OR strpos(lower(concat_ws(' ', email, what, about, detail, address)), $3) > 0)
             AND ($4::bigint IS NULL OR position < $4)
           ORDER BY position DESC LIMIT $5""",
        merchant_id,
        with_merchantless,
        words,
        before,
        limit,
    )
    return [Act(**row) for row in rows]


async def acts_about(
    database: Database, merchant_id: int, abouts: Sequence[str], *, limit: int
) -> list[Act]:
    """Oldest first: what was done about these things."""
    rows = await database.fetch(
        """SELECT position, at, email, what, about, detail, address, user_agent FROM audit_log
           WHERE merchant_id = $1 AND about = ANY ($2::text[])
           ORDER BY position LIMIT $3""",
        merchant_id,
        list(abouts),
        limit,
    )
    return [Act(**row) for row in rows]

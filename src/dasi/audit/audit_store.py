"""SQL of the audit log. Rows are only ever added."""

from collections.abc import Sequence
from datetime import datetime

from dasi.audit.audit_entry import AuditEntry, ClientInfo
from dasi.foundation.db import Connection, Database


async def insert_audit(
    connection: Connection | Database,
    merchant_id: int | None,
    *,
    user_id: int | None,
    email: str,
    action: str,
    target: str | None,
    detail: str | None,
    client: ClientInfo,
    now: datetime,
) -> None:
    await connection.fetch(
        """INSERT INTO audit_log
               (merchant_id, created_at, user_id, email, action, target, detail, address,
                user_agent)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        merchant_id,
        now,
        user_id,
        email,
        action,
        target,
        detail,
        client.address,
        client.user_agent,
    )


async def audit_entries(
    database: Database,
    merchant_id: int,
    *,
    with_merchantless: bool,
    words: str | None,
    before: int | None,
    limit: int,
) -> list[AuditEntry]:
    """Newest first, older than `before`. `words` are looked for in email, action and target."""
    rows = await database.fetch(
        """SELECT position, created_at, email, action, target, detail, address, user_agent
           FROM audit_log
           WHERE (merchant_id = $1 OR ($2 AND merchant_id IS NULL))
             AND ($3::text IS NULL
                  OR strpos(lower(concat_ws(' ', email, action, target, detail, address)), $3) > 0)
             AND ($4::bigint IS NULL OR position < $4)
           ORDER BY position DESC LIMIT $5""",
        merchant_id,
        with_merchantless,
        words,
        before,
        limit,
    )
    return [AuditEntry(**row) for row in rows]


async def audit_for(
    database: Database, merchant_id: int, targets: Sequence[str], *, limit: int
) -> list[AuditEntry]:
    """Oldest first: what was done to these targets."""
    rows = await database.fetch(
        """SELECT position, created_at, email, action, target, detail, address, user_agent
           FROM audit_log
           WHERE merchant_id = $1 AND target = ANY ($2::text[])
           ORDER BY position LIMIT $3""",
        merchant_id,
        list(targets),
        limit,
    )
    return [AuditEntry(**row) for row in rows]

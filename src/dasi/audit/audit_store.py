"""SQL of the audit log. No statement changes or deletes a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dasi.foundation.db import Connection, Database

_RECENT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row. `action` is a slug; `target` names the object of the operation."""

    position: int
    created_at: datetime
    email: str
    action: str
    target: str | None
    detail: str | None
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientInfo:
    """The IP address and browser of a request."""

    address: str
    user_agent: str
    device: str = field(default="", repr=False)
    """The cookie that names the browser (`dasi.auth_limits`). It is not in the audit log."""


TERMINAL = ClientInfo(address="terminal", user_agent="dasi")
"""The client of a command."""


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
    """Insert an entry; within the caller's transaction if `connection` has one."""
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


async def is_recorded_since(
    database: Database,
    merchant_id: int,
    *,
    user_id: int,
    action: str,
    target: str,
    detail: str | None,
    since: datetime,
) -> bool:
    """Return whether one of the newest entries is this one. The index bounds what is read."""
    row = await database.fetchrow(
        f"""SELECT 1 FROM (
               SELECT user_id, action, target, detail, created_at FROM audit_log
               WHERE merchant_id = $1 ORDER BY position DESC LIMIT {_RECENT_MAX}
           ) AS recent
           WHERE user_id = $2 AND action = $3 AND target = $4
             AND detail IS NOT DISTINCT FROM $5 AND created_at > $6 LIMIT 1""",
        merchant_id,
        user_id,
        action,
        target,
        detail,
        since,
    )
    return row is not None


async def audit_entries(
    database: Database,
    merchant_id: int,
    *,
    with_merchantless: bool,
    search_text: str | None,
    before: int | None,
    limit: int,
) -> list[AuditEntry]:
    """Return entries, newest first, older than `before`.

    `search_text` is part of the email, action, target, detail or address.
    """
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
        search_text,
        before,
        limit,
    )
    return [AuditEntry(**row) for row in rows]


async def audit_entries_of(
    database: Database, merchant_id: int, targets: Sequence[str], *, limit: int
) -> list[AuditEntry]:
    """Return the operations on these targets, oldest first. Views (`…_viewed`) are left out."""
    rows = await database.fetch(
        """SELECT position, created_at, email, action, target, detail, address, user_agent
           FROM audit_log
           WHERE merchant_id = $1 AND target = ANY ($2::text[]) AND right(action, 7) <> '_viewed'
           ORDER BY position LIMIT $3""",
        merchant_id,
        list(targets),
        limit,
    )
    return [AuditEntry(**row) for row in rows]

"""SQL of links that work once: bootstrap, invitation, reset."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dasi.foundation.db import Connection, Database, Row
from dasi.users import Role

Purpose = Literal["bootstrap", "invitation", "reset", "reset_password"]

_SENT = "link_id, email, role, made_by, made_at, expires_at"
_LINK = "purpose, email, merchant_id, role, made_by"
# An invitation ends when its maker is disabled, removed or demoted. The first user ends every
# bootstrap link.
_HAS_EFFECT = """(purpose <> 'invitation' OR EXISTS (
        SELECT 1 FROM users maker
        LEFT JOIN memberships m
               ON m.user_id = maker.user_id AND m.merchant_id = user_links.merchant_id
        WHERE maker.email = made_by AND maker.disabled_at IS NULL
          AND (maker.is_owner OR m.role = 'admin')))
    AND (purpose <> 'bootstrap' OR NOT EXISTS (SELECT 1 FROM users))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    purpose: Purpose
    email: str | None
    merchant_id: int | None
    role: Role | None
    made_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentInvitation:
    """An invitation in the list of its merchant."""

    link_id: int
    email: str
    role: Role
    made_by: str
    made_at: datetime
    expires_at: datetime


async def insert_link(
    connection: Connection | Database,
    merchant_id: int | None,
    *,
    link_hash: bytes,
    purpose: Purpose,
    email: str | None,
    role: Role | None,
    made_by: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Insert a link, and delete the expired ones."""
    await connection.fetch(
        """WITH swept AS (DELETE FROM user_links WHERE expires_at <= $7)
           INSERT INTO user_links
               (merchant_id, link_hash, purpose, email, role, made_by, made_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        merchant_id,
        link_hash,
        purpose,
        email,
        role.value if role else None,
        made_by,
        now,
        expires_at,
    )


async def valid_link_any_merchant(
    database: Database, link_hash: bytes, now: datetime, *, purposes: Collection[Purpose]
) -> LinkRow | None:
    """Return the link; None if it was used, has expired or has no effect any more."""
    row = await database.fetchrow(
        f"""SELECT {_LINK} FROM user_links
            WHERE link_hash = $1 AND expires_at > $2 AND purpose = ANY($3::text[])
              AND {_HAS_EFFECT}""",
        link_hash,
        now,
        list(purposes),
    )
    return _link(row)


async def use_link_any_merchant(
    connection: Connection, link_hash: bytes, now: datetime, *, purposes: Collection[Purpose]
) -> LinkRow | None:
    """Delete the link and return it; None as `valid_link_any_merchant`."""
    row = await connection.fetchrow(
        f"""DELETE FROM user_links
            WHERE link_hash = $1 AND expires_at > $2 AND purpose = ANY($3::text[])
              AND {_HAS_EFFECT}
            RETURNING {_LINK}""",
        link_hash,
        now,
        list(purposes),
    )
    return _link(row)


async def invitations(database: Database, merchant_id: int, now: datetime) -> list[SentInvitation]:
    """Return the invitations that can still be accepted, newest first."""
    rows = await database.fetch(
        f"""SELECT {_SENT} FROM user_links
            WHERE merchant_id = $1 AND purpose = 'invitation' AND expires_at > $2
              AND {_HAS_EFFECT}
            ORDER BY link_id DESC""",
        merchant_id,
        now,
    )
    return [_sent(row) for row in rows]


async def delete_invitation(
    database: Connection, merchant_id: int, link_id: int
) -> SentInvitation | None:
    row = await database.fetchrow(
        f"""DELETE FROM user_links
            WHERE merchant_id = $1 AND link_id = $2 AND purpose = 'invitation'
            RETURNING {_SENT}""",
        merchant_id,
        link_id,
    )
    return None if row is None else _sent(row)


async def lock_users_any_merchant(connection: Connection) -> int:
    """Lock the table against another first user, and return the number of users."""
    await connection.execute("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
    count: int = await connection.fetchval("SELECT count(*) FROM users")
    return count


async def delete_links_of_any_merchant(
    connection: Connection, email: str, *, purposes: Collection[Purpose]
) -> None:
    """Delete the user's other links: a new link of a kind, or its use, ends them."""
    await connection.execute(
        "DELETE FROM user_links WHERE email = $1 AND purpose = ANY($2::text[])",
        email,
        list(purposes),
    )


def _sent(row: Row) -> SentInvitation:
    return SentInvitation(**{**row, "role": Role(row["role"])})


def _link(row: Row | None) -> LinkRow | None:
    if row is None:
        return None
    return LinkRow(**{**row, "role": Role(row["role"]) if row["role"] else None})

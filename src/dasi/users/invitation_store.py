"""SQL of links that work once: bootstrap, invitation, reset."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dasi.foundation.db import Connection, Database, Row
from dasi.users.user import Role

Purpose = Literal["bootstrap", "invitation", "reset", "reset_password"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    purpose: Purpose
    email: str | None
    merchant_id: int | None
    role: Role | None
    made_by: str


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
    row = await database.fetchrow(
        """SELECT purpose, email, merchant_id, role, made_by FROM user_links
           WHERE link_hash = $1 AND expires_at > $2 AND purpose = ANY($3::text[])""",
        link_hash,
        now,
        list(purposes),
    )
    return _link(row)


async def use_link_any_merchant(
    connection: Connection, link_hash: bytes, now: datetime, *, purposes: Collection[Purpose]
) -> LinkRow | None:
    """Delete the link and return it; None if it was used or has expired."""
    row = await connection.fetchrow(
        """DELETE FROM user_links
           WHERE link_hash = $1 AND expires_at > $2 AND purpose = ANY($3::text[])
           RETURNING purpose, email, merchant_id, role, made_by""",
        link_hash,
        now,
        list(purposes),
    )
    return _link(row)


async def delete_bootstrap_links_any_merchant(connection: Connection) -> None:
    await connection.execute("DELETE FROM user_links WHERE purpose = 'bootstrap'")


async def delete_links_of_any_merchant(
    connection: Connection, email: str, *, purposes: Collection[Purpose]
) -> None:
    """Delete the user's other links: a new link of a kind, or its use, ends them."""
    await connection.execute(
        "DELETE FROM user_links WHERE email = $1 AND purpose = ANY($2::text[])",
        email,
        list(purposes),
    )


def _link(row: Row | None) -> LinkRow | None:
    if row is None:
        return None
    return LinkRow(**{**row, "role": Role(row["role"]) if row["role"] else None})

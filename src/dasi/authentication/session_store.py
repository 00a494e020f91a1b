"""Sessions and their SQL. The server keeps a session; the cookie only finds it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dasi.audit import ClientInfo
from dasi.foundation.db import Database
from dasi.users import USER_COLUMNS, User

RECENT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A user who signed in with one browser."""

    session_hash: bytes = field(repr=False)
    user: User
    form_token: str = field(repr=False)
    """Every form of this session sends it back. Another site cannot know it."""
    is_complete: bool
    """False while the second factor of the user is missing."""
    started_at: datetime
    verified_at: datetime
    """When the user last signed in or confirmed the identity in this session."""

    def is_recent(self, now: datetime) -> bool:
        """Return whether the last proof of identity is recent enough for what is sensitive."""
        return now - self.verified_at < RECENT


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """A session in its user's list."""

    is_this: bool
    address: str
    user_agent: str
    started_at: datetime
    seen_at: datetime


async def insert_session_any_merchant(
    database: Database,
    user_id: int,
    *,
    session_hash: bytes,
    form_token: str,
    is_complete: bool,
    client: ClientInfo,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Insert a session, and delete the expired sessions of the user."""
    await database.fetch(
        """WITH swept AS (DELETE FROM user_sessions WHERE user_id = $2 AND expires_at <= $7)
           INSERT INTO user_sessions (session_hash, user_id, form_token, is_complete, address,
                                      user_agent, started_at, seen_at, verified_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8)""",
        session_hash,
        user_id,
        form_token,
        is_complete,
        client.address,
        client.user_agent,
        now,
        expires_at,
    )


async def active_session_any_merchant(
    database: Database, session_hash: bytes, *, now: datetime, idle_since: datetime
) -> Session | None:
    """Return the session and its user's present roles, so that a removed role has no effect."""
    row = await database.fetchrow(
        f"""SELECT s.session_hash, s.form_token, s.is_complete, s.started_at,
                   s.verified_at, {USER_COLUMNS}
            FROM user_sessions s
            JOIN users u ON u.user_id = s.user_id
            WHERE s.session_hash = $1 AND s.expires_at > $2 AND s.seen_at > $3
              AND u.disabled_at IS NULL""",
        session_hash,
        now,
        idle_since,
    )
    if row is None:
        return None
    return Session(
        session_hash=row["session_hash"],
        user=User.from_row(row),
        form_token=row["form_token"],
        is_complete=row["is_complete"],
        started_at=row["started_at"],
        verified_at=row["verified_at"],
    )


async def touch_session_any_merchant(
    database: Database, session_hash: bytes, *, now: datetime, unless_since: datetime
) -> None:
    """Note the use of a session, unless its last use is after `unless_since`."""
    await database.fetch(
        """UPDATE user_sessions SET seen_at = $2
           WHERE session_hash = $1 AND seen_at < $3""",
        session_hash,
        now,
        unless_since,
    )


async def verify_session_any_merchant(
    database: Database, session_hash: bytes, *, now: datetime
) -> None:
    await database.fetch(
        "UPDATE user_sessions SET verified_at = $2 WHERE session_hash = $1", session_hash, now
    )


async def delete_session_any_merchant(database: Database, session_hash: bytes) -> None:
    await database.fetch("DELETE FROM user_sessions WHERE session_hash = $1", session_hash)


async def delete_sessions_any_merchant(
    database: Database, user_id: int, *, but: bytes | None
) -> int:
    """Delete every session of a user but one. Return the number deleted."""
    rows = await database.fetch(
        """DELETE FROM user_sessions
           WHERE user_id = $1 AND ($2::bytea IS NULL OR session_hash <> $2)
           RETURNING user_id""",
        user_id,
        but,
    )
    return len(rows)


async def sessions_of_any_merchant(
    database: Database, user_id: int, *, this: bytes, now: datetime, idle_since: datetime
) -> list[SessionSummary]:
    rows = await database.fetch(
        """SELECT session_hash = $2 AS is_this, address, user_agent, started_at, seen_at
           FROM user_sessions
           WHERE user_id = $1 AND expires_at > $3 AND seen_at > $4 AND is_complete
           ORDER BY seen_at DESC LIMIT 50""",
        user_id,
        this,
        now,
        idle_since,
    )
    return [SessionSummary(**row) for row in rows]

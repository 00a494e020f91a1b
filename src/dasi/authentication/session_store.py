"""SQL of the people's room: sessions."""

from datetime import datetime

from dasi.audit import Origin
from dasi.authentication.session import Session, SessionSummary
from dasi.foundation.db import Database
from dasi.users import PERSON, to_person


async def insert_session_any_merchant(
    database: Database,
    person_id: int,
    *,
    session_hash: bytes,
    form_token: str,
    is_complete: bool,
    origin: Origin,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Sessions of this person that ran out are swept here."""
    await database.fetch(
        """WITH swept AS (DELETE FROM person_sessions WHERE person_id = $2 AND expires_at <= $7)
           INSERT INTO person_sessions (session_hash, person_id, form_token, is_complete, address,
                                        user_agent, started_at, seen_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)""",
        session_hash,
        person_id,
        form_token,
        is_complete,
        origin.address,
        origin.user_agent,
        now,
        expires_at,
    )


async def active_session_any_merchant(
    database: Database, session_hash: bytes, *, now: datetime, idle_since: datetime
) -> Session | None:
    """The session and its person as they are now, so that a role taken away is gone at once."""
    row = await database.fetchrow(
        f"""SELECT s.session_hash, s.form_token, s.is_complete, s.started_at, {PERSON}
            FROM person_sessions s
            JOIN people p ON p.person_id = s.person_id
            WHERE s.session_hash = $1 AND s.expires_at > $2 AND s.seen_at > $3
              AND p.disabled_at IS NULL""",
        session_hash,
        now,
        idle_since,
    )
    if row is None:
        return None
    return Session(
        session_hash=row["session_hash"],
        person=to_person(row),
        form_token=row["form_token"],
        is_complete=row["is_complete"],
        started_at=row["started_at"],
    )


async def touch_session_any_merchant(
    database: Database, session_hash: bytes, *, now: datetime, unless_since: datetime
) -> None:
    """Keeps it from running idle; written at most once a minute."""
    await database.fetch(
        """UPDATE person_sessions SET seen_at = $2
           WHERE session_hash = $1 AND seen_at < $3""",
        session_hash,
        now,
        unless_since,
    )


async def delete_session_any_merchant(database: Database, session_hash: bytes) -> None:
    await database.fetch("DELETE FROM person_sessions WHERE session_hash = $1", session_hash)


async def delete_sessions_any_merchant(
    database: Database, person_id: int, *, but: bytes | None
) -> int:
    """Every session of a person but one; how many."""
    rows = await database.fetch(
        """DELETE FROM person_sessions
           WHERE person_id = $1 AND ($2::bytea IS NULL OR session_hash <> $2)
           RETURNING person_id""",
        person_id,
        but,
    )
    return len(rows)


async def sessions_of_any_merchant(
    database: Database, person_id: int, *, this: bytes, now: datetime, idle_since: datetime
) -> list[SessionSummary]:
    rows = await database.fetch(
        """SELECT session_hash = $2 AS is_this, address, user_agent, started_at, seen_at
           FROM person_sessions
           WHERE person_id = $1 AND expires_at > $3 AND seen_at > $4 AND is_complete
           ORDER BY seen_at DESC LIMIT 50""",
        person_id,
        this,
        now,
        idle_since,
    )
    return [SessionSummary(**row) for row in rows]

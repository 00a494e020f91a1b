"""SQL of passkeys, and of the challenges that browsers sign."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from dasi.foundation.db import Connection, Database

Purpose = Literal["add", "sign_in"]


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey in its user's list."""

    passkey_id: int
    name: str
    added_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    passkey_id: int
    credential_id: bytes
    public_key: bytes = field(repr=False)
    name: str
    sign_count: int


async def passkeys_any_merchant(database: Database, user_id: int) -> list[Passkey]:
    """Return the passkeys of a user, oldest first."""
    rows = await database.fetch(
        """SELECT passkey_id, name, added_at, used_at FROM passkeys
           WHERE user_id = $1 ORDER BY passkey_id""",
        user_id,
    )
    return [Passkey(**row) for row in rows]


async def passkey_rows_any_merchant(database: Database, user_id: int) -> list[PasskeyRow]:
    rows = await database.fetch(
        """SELECT passkey_id, credential_id, public_key, name, sign_count FROM passkeys
           WHERE user_id = $1 ORDER BY passkey_id""",
        user_id,
    )
    return [PasskeyRow(**row) for row in rows]


async def lock_passkeys_any_merchant(connection: Connection, user_id: int) -> int:
    """Lock the user against other additions, and return the number of passkeys."""
    await connection.execute("SELECT 1 FROM users WHERE user_id = $1 FOR UPDATE", user_id)
    count: int = await connection.fetchval(
        "SELECT count(*) FROM passkeys WHERE user_id = $1", user_id
    )
    return count


async def insert_passkey_any_merchant(
    connection: Connection,
    user_id: int,
    *,
    credential_id: bytes,
    public_key: bytes,
    name: str,
    sign_count: int,
    now: datetime,
) -> bool:
    """Insert a passkey. Return False if a user has this credential already."""
    passkey_id: int | None = await connection.fetchval(
        """INSERT INTO passkeys (user_id, credential_id, public_key, name, sign_count, added_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (credential_id) DO NOTHING
           RETURNING passkey_id""",
        user_id,
        credential_id,
        public_key,
        name,
        sign_count,
        now,
    )
    return passkey_id is not None


async def rename_passkey_any_merchant(
    database: Database, user_id: int, passkey_id: int, name: str
) -> bool:
    row = await database.fetchrow(
        """UPDATE passkeys SET name = $3 WHERE user_id = $1 AND passkey_id = $2
           RETURNING passkey_id""",
        user_id,
        passkey_id,
        name,
    )
    return row is not None


async def delete_passkey_any_merchant(
    database: Database, user_id: int, passkey_id: int
) -> str | None:
    """Delete a passkey and return its name; None if the user has no such passkey."""
    row = await database.fetchrow(
        "DELETE FROM passkeys WHERE user_id = $1 AND passkey_id = $2 RETURNING name",
        user_id,
        passkey_id,
    )
    return None if row is None else row["name"]


async def count_passkey_use_any_merchant(
    database: Database, passkey_id: int, *, sign_count: int, now: datetime
) -> bool:
    """Store the count of an answer. Return False if this count or a later one is stored already."""
    row = await database.fetchrow(
        """UPDATE passkeys SET sign_count = $2, used_at = $3
           WHERE passkey_id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))
           RETURNING passkey_id""",
        passkey_id,
        sign_count,
        now,
    )
    return row is not None


async def put_challenge_any_merchant(
    database: Database,
    session_hash: bytes,
    *,
    purpose: Purpose,
    challenge: bytes,
    expires_at: datetime,
) -> None:
    """Store the challenge of a session in place of an older one."""
    await database.fetch(
        """INSERT INTO passkey_challenges (session_hash, purpose, challenge, expires_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (session_hash) DO UPDATE
           SET purpose = $2, challenge = $3, expires_at = $4""",
        session_hash,
        purpose,
        challenge,
        expires_at,
    )


async def take_challenge_any_merchant(
    database: Database, session_hash: bytes, *, purpose: Purpose, now: datetime
) -> bytes | None:
    """Delete the challenge and return it; None if missing, expired or of another purpose."""
    row = await database.fetchrow(
        """DELETE FROM passkey_challenges WHERE session_hash = $1
           RETURNING purpose, challenge, expires_at""",
        session_hash,
    )
    if row is None or row["purpose"] != purpose or row["expires_at"] <= now:
        return None
    challenge: bytes = row["challenge"]
    return challenge

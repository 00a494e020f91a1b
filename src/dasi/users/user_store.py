"""SQL of users and their memberships.

A user belongs to the installation: the functions that find users end in `_any_merchant`.
"""

from datetime import datetime

from dasi.foundation.db import Connection, Database
from dasi.users.user import Member, Role, User

USER_COLUMNS = """u.user_id, u.email, u.name, u.is_owner,
    u.totp_confirmed_at IS NOT NULL AS has_totp,
    (SELECT count(*) FROM passkeys k WHERE k.user_id = u.user_id) AS passkeys,
    (SELECT array_agg(r.merchant_id) FROM mfa_policies r
     LEFT JOIN memberships m ON m.merchant_id = r.merchant_id AND m.user_id = u.user_id
     WHERE CASE WHEN u.is_owner THEN 'owner' ELSE m.role END = ANY(r.roles)) AS mfa_required_in,
    (SELECT jsonb_object_agg(c.merchant_id, EXISTS (
         SELECT 1 FROM channels l
         WHERE l.merchant_id = c.merchant_id AND NOT l.is_sandbox AND l.disabled_at IS NULL))
     FROM merchants c
     LEFT JOIN memberships m ON m.merchant_id = c.merchant_id AND m.user_id = u.user_id
     WHERE (u.is_owner OR m.role = 'admin')
       AND NOT EXISTS (SELECT 1 FROM mfa_policies r WHERE r.merchant_id = c.merchant_id)
    ) AS mfa_default_in,
    (SELECT jsonb_object_agg(m.merchant_id, m.role) FROM memberships m
     WHERE m.user_id = u.user_id) AS roles, u.created_at, u.disabled_at"""


async def insert_user_any_merchant(
    connection: Connection,
    *,
    email: str,
    name: str,
    password_hash: str,
    is_owner: bool,
    now: datetime,
) -> int | None:
    """Insert a user and return the id; None if the email is taken."""
    user_id: int | None = await connection.fetchval(
        """INSERT INTO users (email, name, password_hash, is_owner, created_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (email) DO NOTHING
           RETURNING user_id""",
        email,
        name,
        password_hash,
        is_owner,
        now,
    )
    return user_id


async def user_by_email_any_merchant(database: Database, email: str) -> tuple[User, str] | None:
    """Return the user and the hash of the password; None if unknown or disabled."""
    row = await database.fetchrow(
        f"""SELECT {USER_COLUMNS}, u.password_hash FROM users u
            WHERE u.email = $1 AND u.disabled_at IS NULL""",
        email,
    )
    return None if row is None else (User.from_row(row), row["password_hash"])


async def users_any_merchant(database: Database) -> list[User]:
    """Return every user, oldest first."""
    rows = await database.fetch(f"SELECT {USER_COLUMNS} FROM users u ORDER BY u.user_id")
    return [User.from_row(row) for row in rows]


async def lock_user_any_merchant(connection: Connection, user_id: int) -> User | None:
    """Lock the enabled owners and the user until the transaction ends, and return the user."""
    await connection.execute(
        """SELECT 1 FROM users
           WHERE user_id = $1 OR (is_owner AND disabled_at IS NULL)
           ORDER BY user_id FOR UPDATE""",
        user_id,
    )
    row = await connection.fetchrow(
        f"SELECT {USER_COLUMNS} FROM users u WHERE u.user_id = $1", user_id
    )
    return None if row is None else User.from_row(row)


async def has_other_owner_any_merchant(connection: Connection, user_id: int) -> bool:
    row = await connection.fetchrow(
        "SELECT 1 FROM users WHERE is_owner AND disabled_at IS NULL AND user_id <> $1 LIMIT 1",
        user_id,
    )
    return row is not None


async def set_owner_any_merchant(connection: Connection, user_id: int, *, is_owner: bool) -> None:
    await connection.execute("UPDATE users SET is_owner = $2 WHERE user_id = $1", user_id, is_owner)


async def disable_user_any_merchant(connection: Connection, user_id: int, *, now: datetime) -> None:
    """Disable a user and delete their sessions."""
    await connection.execute(
        "UPDATE users SET disabled_at = coalesce(disabled_at, $2) WHERE user_id = $1", user_id, now
    )
    await connection.execute("DELETE FROM user_sessions WHERE user_id = $1", user_id)


async def enable_user_any_merchant(connection: Connection, user_id: int) -> None:
    await connection.execute("UPDATE users SET disabled_at = NULL WHERE user_id = $1", user_id)


async def set_password_any_merchant(database: Database, user_id: int, password_hash: str) -> None:
    await database.fetch(
        "UPDATE users SET password_hash = $2 WHERE user_id = $1", user_id, password_hash
    )


async def put_membership(
    connection: Connection, merchant_id: int, user_id: int, role: Role, *, now: datetime
) -> None:
    await connection.execute(
        """INSERT INTO memberships (merchant_id, user_id, role, added_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (merchant_id, user_id) DO UPDATE SET role = $3""",
        merchant_id,
        user_id,
        role.value,
        now,
    )


async def delete_membership(database: Database, merchant_id: int, user_id: int) -> bool:
    row = await database.fetchrow(
        """DELETE FROM memberships WHERE merchant_id = $1 AND user_id = $2
           RETURNING user_id""",
        merchant_id,
        user_id,
    )
    return row is not None


async def members(database: Database, merchant_id: int) -> list[Member]:
    """Return the owners, then the merchant's members by email."""
    rows = await database.fetch(
        """SELECT u.user_id, u.email, u.name,
                  CASE WHEN u.is_owner THEN 'owner' ELSE m.role END AS role,
                  u.totp_confirmed_at IS NOT NULL
                  OR EXISTS (SELECT 1 FROM passkeys k WHERE k.user_id = u.user_id)
                  AS has_second_factor,
                  (SELECT max(s.seen_at) FROM user_sessions s WHERE s.user_id = u.user_id)
                  AS seen_at
           FROM users u
           LEFT JOIN memberships m ON m.user_id = u.user_id AND m.merchant_id = $1
           WHERE u.disabled_at IS NULL AND (u.is_owner OR m.role IS NOT NULL)
           ORDER BY u.is_owner DESC, u.email""",
        merchant_id,
    )
    return [Member(**{**row, "role": Role(row["role"])}) for row in rows]


async def reset_user_any_merchant(
    connection: Connection, user_id: int, *, password_hash: str, ends_second_factor: bool
) -> None:
    """Set the password, end every session and, if `ends_second_factor`, remove the factors."""
    await connection.execute(
        "UPDATE users SET password_hash = $2 WHERE user_id = $1", user_id, password_hash
    )
    await connection.execute("DELETE FROM user_sessions WHERE user_id = $1", user_id)
    if ends_second_factor:
        await connection.execute(
            """UPDATE users SET sealed_totp = NULL, totp_confirmed_at = NULL, totp_step = 0
               WHERE user_id = $1""",
            user_id,
        )
        await connection.execute("DELETE FROM passkeys WHERE user_id = $1", user_id)

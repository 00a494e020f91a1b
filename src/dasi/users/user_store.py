"""SQL of the people's room: people and their memberships.

People belong to the installation: what finds out which person it is ends in `_any_merchant`.
"""

import json
from collections.abc import Collection
from datetime import datetime

from dasi.foundation.db import Connection, Database, Row
from dasi.users.user import Member, Person, Role

PERSON = """p.person_id, p.email, p.name, p.is_owner,
    p.totp_confirmed_at IS NOT NULL AS has_totp,
    (SELECT count(*) FROM passkeys k WHERE k.person_id = p.person_id) AS passkeys,
    (SELECT array_agg(r.merchant_id) FROM second_factor_rules r
     LEFT JOIN memberships m ON m.merchant_id = r.merchant_id AND m.person_id = p.person_id
     WHERE r.role = CASE WHEN p.is_owner THEN 'owner' ELSE m.role END) AS second_factor_in,
    (SELECT jsonb_object_agg(m.merchant_id, m.role) FROM memberships m
     WHERE m.person_id = p.person_id) AS roles, p.created_at"""


def to_person(row: Row) -> Person:
    values = {name: row[name] for name in Person.__dataclass_fields__}
    told = json.loads(values.pop("roles") or "{}")
    asked_in = frozenset(values.pop("second_factor_in") or ())
    roles = {int(key): Role(role) for key, role in told.items()}
    return Person(roles=roles, second_factor_in=asked_in, **values)


async def lock_people_any_merchant(connection: Connection) -> int:
    """How many people there are; whoever else wants to add the first one waits."""
    await connection.execute("LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE")
    counted: int = await connection.fetchval("SELECT count(*) FROM people")
    return counted


async def has_people_any_merchant(database: Database) -> bool:
    return await database.fetchrow("SELECT 1 FROM people LIMIT 1") is not None


async def insert_person_any_merchant(
    connection: Connection,
    *,
    email: str,
    name: str,
    password_hash: str,
    is_owner: bool,
    now: datetime,
) -> int | None:
    """The new person's id; None if the email is taken."""
    person_id: int | None = await connection.fetchval(
        """INSERT INTO people (email, name, password_hash, is_owner, created_at)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (email) DO NOTHING
           RETURNING person_id""",
        email,
        name,
        password_hash,
        is_owner,
        now,
    )
    return person_id


async def person_by_email_any_merchant(database: Database, email: str) -> tuple[Person, str] | None:
    """The person and the hash of the password; nobody who was shut out."""
    row = await database.fetchrow(
        f"""SELECT {PERSON}, p.password_hash FROM people p
            WHERE p.email = $1 AND p.disabled_at IS NULL""",
        email,
    )
    return None if row is None else (to_person(row), row["password_hash"])


async def person_any_merchant(database: Database, person_id: int) -> Person | None:
    row = await database.fetchrow(
        f"SELECT {PERSON} FROM people p WHERE p.person_id = $1 AND p.disabled_at IS NULL",
        person_id,
    )
    return None if row is None else to_person(row)


async def people_any_merchant(database: Database) -> list[Person]:
    """Everybody, oldest first. For the command line of whoever runs the machine."""
    rows = await database.fetch(
        f"SELECT {PERSON} FROM people p WHERE p.disabled_at IS NULL ORDER BY p.person_id"
    )
    return [to_person(row) for row in rows]


async def set_password_any_merchant(database: Database, person_id: int, password_hash: str) -> None:
    await database.fetch(
        "UPDATE people SET password_hash = $2 WHERE person_id = $1", person_id, password_hash
    )


async def set_totp_any_merchant(database: Database, person_id: int, sealed: bytes | None) -> None:
    """A new secret, not in force before it is confirmed; None switches it off."""
    await database.fetch(
        """UPDATE people SET sealed_totp = $2, totp_confirmed_at = NULL, totp_step = 0
           WHERE person_id = $1""",
        person_id,
        sealed,
    )


async def sealed_totp_any_merchant(database: Database, person_id: int) -> bytes | None:
    row = await database.fetchrow("SELECT sealed_totp FROM people WHERE person_id = $1", person_id)
    return None if row is None else row["sealed_totp"]


async def confirm_totp_any_merchant(database: Database, person_id: int, *, now: datetime) -> None:
    await database.fetch(
        "UPDATE people SET totp_confirmed_at = $2 WHERE person_id = $1", person_id, now
    )


async def use_totp_step_any_merchant(database: Database, person_id: int, step: int) -> bool:
    """False if this step or a later one was used: a code seen by somebody else opens nothing."""
    row = await database.fetchrow(
        """UPDATE people SET totp_step = $2 WHERE person_id = $1 AND totp_step < $2
           RETURNING person_id""",
        person_id,
        step,
    )
    return row is not None


async def put_membership(
    connection: Connection, merchant_id: int, person_id: int, role: Role, *, now: datetime
) -> None:
    await connection.execute(
        """INSERT INTO memberships (merchant_id, person_id, role, added_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (merchant_id, person_id) DO UPDATE SET role = $3""",
        merchant_id,
        person_id,
        role.value,
        now,
    )


async def delete_membership(database: Database, merchant_id: int, person_id: int) -> bool:
    row = await database.fetchrow(
        """DELETE FROM memberships WHERE merchant_id = $1 AND person_id = $2
           RETURNING person_id""",
        merchant_id,
        person_id,
    )
    return row is not None


async def members(database: Database, merchant_id: int) -> list[Member]:
    """Owners first, then the merchant's own people by email."""
    rows = await database.fetch(
        """SELECT p.person_id, p.email, p.name,
                  CASE WHEN p.is_owner THEN 'owner' ELSE m.role END AS role,
                  p.totp_confirmed_at IS NOT NULL
                  OR EXISTS (SELECT 1 FROM passkeys k WHERE k.person_id = p.person_id)
                  AS has_second_factor,
                  (SELECT max(s.seen_at) FROM person_sessions s WHERE s.person_id = p.person_id)
                  AS seen_at
           FROM people p
           LEFT JOIN memberships m ON m.person_id = p.person_id AND m.merchant_id = $1
           WHERE p.disabled_at IS NULL AND (p.is_owner OR m.role IS NOT NULL)
           ORDER BY p.is_owner DESC, p.email""",
        merchant_id,
    )
    return [Member(**{**row, "role": Role(row["role"])}) for row in rows]


async def second_factor_roles(database: Database, merchant_id: int) -> set[Role]:
    rows = await database.fetch(
        "SELECT role FROM second_factor_rules WHERE merchant_id = $1", merchant_id
    )
    return {Role(row["role"]) for row in rows}


async def put_second_factor_roles(
    connection: Connection, merchant_id: int, roles: Collection[Role]
) -> None:
    await connection.execute("DELETE FROM second_factor_rules WHERE merchant_id = $1", merchant_id)
    await connection.execute(
        """INSERT INTO second_factor_rules (merchant_id, role)
           SELECT $1, unnest($2::text[])
           ON CONFLICT DO NOTHING""",
        merchant_id,
        [role.value for role in roles],
    )


async def reset_person_any_merchant(
    connection: Connection, person_id: int, *, password_hash: str, ends_second_factor: bool
) -> None:
    """A new password, every session ended, and the second factor too if asked."""
    await connection.execute(
        "UPDATE people SET password_hash = $2 WHERE person_id = $1", person_id, password_hash
    )
    await connection.execute("DELETE FROM person_sessions WHERE person_id = $1", person_id)
    if ends_second_factor:
        await connection.execute(
            """UPDATE people SET sealed_totp = NULL, totp_confirmed_at = NULL, totp_step = 0
               WHERE person_id = $1""",
            person_id,
        )
        await connection.execute("DELETE FROM passkeys WHERE person_id = $1", person_id)

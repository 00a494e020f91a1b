"""Add users: from the terminal, and by the links of `dasi.one_time_links`."""

import re
from datetime import datetime

from dasi.audit import TERMINAL, insert_audit
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid
from dasi.users import user_store
from dasi.users.passwords import hash_new_password
from dasi.users.user import Role, User

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_NAME_MAX = 100


async def add_user(
    engine: Engine,
    *,
    email: str,
    name: str,
    password: str,
    merchant_id: int | None,
    role: Role,
) -> None:
    """Add a user from the terminal: an owner, or a member of one merchant.

    Raise `Conflict("email_taken")`, `Invalid`.
    """
    email, now = checked_email(email), engine.clock.now()
    if (role is Role.OWNER) != (merchant_id is None):
        raise Invalid("role", "role_and_merchant")
    password_hash = await hash_new_password(
        engine,
        password,
        email=email,
        name=name,
        merchant_ids=None if merchant_id is None else {merchant_id},
    )
    async with engine.database.transaction() as connection:
        user_id = await admit_user(
            connection,
            None,
            email=email,
            name=name,
            password_hash=password_hash,
            merchant_id=merchant_id,
            role=role,
            now=now,
        )
        await insert_audit(
            connection,
            merchant_id,
            user_id=user_id,
            email=email,
            action="user_added",
            target=email,
            detail=f"{role}, by `dasi user add`",
            client=TERMINAL,
            now=now,
        )


async def admit_user(
    connection: Connection,
    existing: User | None,
    *,
    email: str,
    name: str,
    password_hash: str,
    merchant_id: int | None,
    role: Role,
    now: datetime,
) -> int:
    """Insert a user, or give an existing one a role in a merchant, and return the id.

    Raise `Conflict("email_taken")`, `Invalid`.
    """
    user_id = existing.user_id if existing else None
    if user_id is None:
        user_id = await user_store.insert_user_any_merchant(
            connection,
            email=email,
            name=_checked_name(name),
            password_hash=password_hash,
            is_owner=role is Role.OWNER,
            now=now,
        )
    if user_id is None:
        raise Conflict("email_taken", email=email)
    if merchant_id is not None:
        await user_store.put_membership(connection, merchant_id, user_id, role, now=now)
    return user_id


def checked_email(email: str) -> str:
    """Return the email in small letters. Raise `Invalid`."""
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        raise Invalid("email", "email_address")
    return email


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _NAME_MAX or not name.isprintable():
        raise Invalid("name", "length_between", minimum=1, maximum=_NAME_MAX)
    return name

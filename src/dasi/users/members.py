"""Add users, list members and remove them.

The first owner comes by a link on the terminal, every other user by an invitation.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from dasi.audit import ClientInfo, insert_audit
from dasi.auth_limits import limits_of_user, remember_device
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid, NotAuthenticated, NotFound
from dasi.foundation.ids import token, token_hash
from dasi.users import invitation_store, user_store
from dasi.users.passwords import hash_password, verify_password
from dasi.users.user import MEMBER_ROLES, Member, Role, User

BOOTSTRAP_LIFE = timedelta(hours=24)
INVITATION_LIFE = timedelta(days=7)
TERMINAL = ClientInfo(address="terminal", user_agent="dasi")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_NAME_MAX = 100
_PURPOSES: tuple[invitation_store.Purpose, ...] = ("bootstrap", "invitation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """The user that a link admits, as its page shows it."""

    is_bootstrap: bool
    email: str | None
    role: Role
    merchant_id: int | None


async def bootstrap_link(engine: Engine) -> str | None:
    """Return the link for the first owner; None if a user exists. For the operator's terminal."""
    if await user_store.has_users_any_merchant(engine.database):
        return None
    secret, now = token(), engine.clock.now()
    await invitation_store.insert_link(
        engine.database,
        None,
        link_hash=token_hash(secret),
        purpose="bootstrap",
        email=None,
        role=None,
        made_by="terminal",
        now=now,
        expires_at=now + BOOTSTRAP_LIFE,
    )
    return f"{engine.public_url}/console/join/{secret}"


async def invite(engine: Engine, merchant_id: int, *, email: str, role: Role, made_by: User) -> str:
    """Return an invitation link. It works once, for a week. Raise `Invalid`."""
    if role not in MEMBER_ROLES:
        raise Invalid("role", "one_of", values=MEMBER_ROLES)
    secret, now = token(), engine.clock.now()
    await invitation_store.insert_link(
        engine.database,
        merchant_id,
        link_hash=token_hash(secret),
        purpose="invitation",
        email=checked_email(email),
        role=role,
        made_by=made_by.email,
        now=now,
        expires_at=now + INVITATION_LIFE,
    )
    return f"{engine.public_url}/console/join/{secret}"


async def get_invitation(engine: Engine, secret: str) -> Invitation:
    """Return the invitation of a link.

    Raise `NotFound("unknown_link")` if the link was used or has expired.
    """
    row = await invitation_store.valid_link_any_merchant(
        engine.database, token_hash(secret), engine.clock.now(), purposes=_PURPOSES
    )
    if row is None:
        raise NotFound("unknown_link")
    return Invitation(
        is_bootstrap=row.purpose == "bootstrap",
        email=row.email,
        role=row.role or Role.OWNER,
        merchant_id=row.merchant_id,
    )


async def accept_invitation(
    engine: Engine, secret: str, *, email: str, name: str, password: str, client: ClientInfo
) -> str:
    """Use the link: add its user, or give an existing user the new membership.

    Return the cookie of this device, which is known from now on.
    An existing user proves their identity by their password. Raise `NotFound("unknown_link")`,
    `Invalid`, `NotAuthenticated("wrong_sign_in")`.
    """
    link = await get_invitation(engine, secret)
    email = checked_email(link.email or email)
    existing = await _existing_user(engine, email, password, client)
    name = existing.name if existing else _checked_name(name)
    password_hash = await hash_password(password)
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        row = await invitation_store.use_link_any_merchant(
            connection, token_hash(secret), now, purposes=_PURPOSES
        )
        if row is None:
            raise NotFound("unknown_link")
        if link.is_bootstrap and await user_store.lock_users_any_merchant(connection):
            raise NotFound("unknown_link")
        user_id = existing.user_id if existing else None
        if user_id is None:
            user_id = await user_store.insert_user_any_merchant(
                connection,
                email=email,
                name=name,
                password_hash=password_hash,
                is_owner=link.is_bootstrap,
                now=now,
            )
        if user_id is None:
            raise Conflict("email_taken", email=email)
        await _apply_link(connection, link, user_id, now=now)
        await insert_audit(
            connection,
            row.merchant_id,
            user_id=user_id,
            email=email,
            action="invitation_accepted",
            target=email,
            detail=f"{link.role}, let in by {row.made_by}",
            client=client,
            now=now,
        )
    return await remember_device(engine, user_id, client)


async def _existing_user(
    engine: Engine, email: str, password: str, client: ClientInfo
) -> User | None:
    if await user_store.user_by_email_any_merchant(engine.database, email) is None:
        return None
    limits = await limits_of_user(engine, "password", email, client)
    try:
        return await verify_password(engine, email, password, limits=limits)
    except NotAuthenticated as wrong:
        raise NotAuthenticated("wrong_sign_in") from wrong


async def _apply_link(
    connection: Connection, link: Invitation, user_id: int, *, now: datetime
) -> None:
    if link.is_bootstrap:
        await invitation_store.delete_bootstrap_links_any_merchant(connection)
        return
    assert link.merchant_id is not None, "an invitation is into a merchant"
    await user_store.put_membership(connection, link.merchant_id, user_id, link.role, now=now)


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
    email, name, now = checked_email(email), _checked_name(name), engine.clock.now()
    if (role is Role.OWNER) != (merchant_id is None):
        raise Invalid("role", "role_and_merchant")
    password_hash = await hash_password(password)
    async with engine.database.transaction() as connection:
        user_id = await user_store.insert_user_any_merchant(
            connection,
            email=email,
            name=name,
            password_hash=password_hash,
            is_owner=role is Role.OWNER,
            now=now,
        )
        if user_id is None:
            raise Conflict("email_taken", email=email)
        if merchant_id is not None:
            await user_store.put_membership(connection, merchant_id, user_id, role, now=now)
        await invitation_store.delete_bootstrap_links_any_merchant(connection)
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


async def list_members(engine: Engine, merchant_id: int) -> list[Member]:
    """Return the owners and the members of a merchant, owners first."""
    return await user_store.members(engine.database, merchant_id)


async def list_users(engine: Engine) -> list[User]:
    """Return every user. For the operator's command line."""
    return await user_store.users_any_merchant(engine.database)


async def remove_member(engine: Engine, merchant_id: int, user_id: int) -> None:
    """Remove a membership, with effect from the user's next request.

    Raise `NotFound("unknown_user")`, also for an owner, because an owner has no membership.
    """
    if not await user_store.delete_membership(engine.database, merchant_id, user_id):
        raise NotFound("unknown_user")


def checked_email(email: str) -> str:
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        raise Invalid("email", "email_address")
    return email


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _NAME_MAX or not name.isprintable():
        raise Invalid("name", "length_between", minimum=1, maximum=_NAME_MAX)
    return name

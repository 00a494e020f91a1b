"""Let users in: the first owner by a link on the terminal, everybody else by invitation."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from dasi.audit import ClientInfo, audit_store
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid, NotAuthenticated, NotFound
from dasi.foundation.ids import token
from dasi.users import invitation_store, user_store
from dasi.users.passwords import hash_of, hash_password, is_password
from dasi.users.rate_limit import check_rate_limit
from dasi.users.user import GIVEN_ROLES, Role, User

BOOTSTRAP_LIFE = timedelta(hours=24)
INVITATION_LIFE = timedelta(days=7)
TERMINAL = ClientInfo(address="terminal", user_agent="dasi")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_NAME_MAX = 100
_PURPOSES: tuple[invitation_store.Purpose, ...] = ("bootstrap", "invitation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a link is good for, as the page behind it shows."""

    is_bootstrap: bool
    email: str | None
    role: Role
    merchant_id: int | None


async def bootstrap_link(engine: Engine) -> str | None:
    """The address that makes the first owner, or None once there is somebody. For terminals."""
    if await user_store.has_users_any_merchant(engine.database):
        return None
    secret, now = token(), engine.clock.now()
    await invitation_store.insert_link(
        engine.database,
        None,
        link_hash=hash_of(secret),
        purpose="bootstrap",
        email=None,
        role=None,
        made_by="terminal",
        now=now,
        expires_at=now + BOOTSTRAP_LIFE,
    )
    return f"{engine.public_url}/console/join/{secret}"


async def invite(engine: Engine, merchant_id: int, *, email: str, role: Role, made_by: User) -> str:
    """The address to hand to somebody. It works once, for a week."""
    if role not in GIVEN_ROLES:
        raise Invalid("role", "one_of", values=GIVEN_ROLES)
    secret, now = token(), engine.clock.now()
    await invitation_store.insert_link(
        engine.database,
        merchant_id,
        link_hash=hash_of(secret),
        purpose="invitation",
        email=checked_email(email),
        role=role,
        made_by=made_by.email,
        now=now,
        expires_at=now + INVITATION_LIFE,
    )
    return f"{engine.public_url}/console/join/{secret}"


async def get_invitation(engine: Engine, secret: str) -> Invitation:
    """`NotFound("unknown_link")` if it was used or ran out."""
    row = await invitation_store.valid_link_any_merchant(
        engine.database, hash_of(secret), engine.clock.now(), purposes=_PURPOSES
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
) -> None:
    """Uses the link. Its user can sign in afterwards.

    `NotFound("unknown_link")`, `Invalid`. Somebody who is here already proves it by the password
    they have, or is refused: `NotAuthenticated("wrong_sign_in")`; they get the new membership.
    """
    link = await get_invitation(engine, secret)
    email = checked_email(link.email or email)
    known = await _known_user(engine, email, password, client)
    name = known.name if known else _checked_name(name)
    password_hash = await hash_password(password)
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        row = await invitation_store.use_link_any_merchant(
            connection, hash_of(secret), now, purposes=_PURPOSES
        )
        if row is None:
            raise NotFound("unknown_link")
        if link.is_bootstrap and await user_store.lock_users_any_merchant(connection):
            raise NotFound("unknown_link")
        user_id = known.user_id if known else None
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
        await _give(connection, link, user_id, now=now)
        await audit_store.insert_audit(
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


async def _known_user(engine: Engine, email: str, password: str, client: ClientInfo) -> User | None:
    found = await user_store.user_by_email_any_merchant(engine.database, email)
    if found is None:
        return None
    await check_rate_limit(engine, f"email {email}", client)
    if not await is_password(password, found[1]):
        raise NotAuthenticated("wrong_sign_in")
    return found[0]


async def _give(connection: Connection, link: Invitation, user_id: int, *, now: datetime) -> None:
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
    """Adds somebody from the terminal: an owner, or a member of one merchant.

    `Conflict("email_taken")`, `Invalid`.
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
        await audit_store.insert_audit(
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

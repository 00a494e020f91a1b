"""Let people in: the first owner by a link on the terminal, everybody else by invitation."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from dasi.audit import Origin, audit_store
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid, NotAuthenticated, NotFound
from dasi.foundation.ids import token
from dasi.users import invitation_store, user_store
from dasi.users.passwords import hash_of, hash_password, is_password
from dasi.users.rate_limit import refuse_many_tries
from dasi.users.user import GIVEN_ROLES, Person, Role

FIRST_RUN_LIFE = timedelta(hours=24)
INVITATION_LIFE = timedelta(days=7)
TERMINAL = Origin(address="terminal", user_agent="dasi")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_NAME_MAX = 100
_PURPOSES: tuple[invitation_store.Purpose, ...] = ("first_run", "invitation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a link is good for, as the page behind it shows."""

    is_first_run: bool
    email: str | None
    role: Role
    merchant_id: int | None


async def first_run_link(engine: Engine) -> str | None:
    """The address that makes the first owner, or None once there is somebody. For terminals."""
    if await user_store.has_people_any_merchant(engine.database):
        return None
    secret, now = token(), engine.clock.now()
    await invitation_store.insert_link(
        engine.database,
        None,
        link_hash=hash_of(secret),
        purpose="first_run",
        email=None,
        role=None,
        made_by="terminal",
        now=now,
        expires_at=now + FIRST_RUN_LIFE,
    )
    return f"{engine.public_url}/console/join/{secret}"


async def invite(
    engine: Engine, merchant_id: int, *, email: str, role: Role, made_by: Person
) -> str:
    """The address to hand to somebody. It works once, for a week."""
    if role not in GIVEN_ROLES:
        raise Invalid("role", f"one of: {', '.join(GIVEN_ROLES)}")
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


async def look_at_link(engine: Engine, secret: str) -> Link:
    """`NotFound("unknown_link")` if it was used or ran out."""
    row = await invitation_store.valid_link_any_merchant(
        engine.database, hash_of(secret), engine.clock.now(), purposes=_PURPOSES
    )
    if row is None:
        raise NotFound("unknown_link")
    return Link(
        is_first_run=row.purpose == "first_run",
        email=row.email,
        role=row.role or Role.OWNER,
        merchant_id=row.merchant_id,
    )


async def join(
    engine: Engine, secret: str, *, email: str, name: str, password: str, origin: Origin
) -> None:
    """Uses the link. Its person can sign in afterwards.

    `NotFound("unknown_link")`, `Invalid`. Somebody who is here already proves it by the password
    they have, or is refused: `NotAuthenticated("wrong_sign_in")`; they get the new membership.
    """
    link = await look_at_link(engine, secret)
    email = checked_email(link.email or email)
    known = await _known_person(engine, email, password, origin)
    name = known.name if known else _checked_name(name)
    password_hash = await hash_password(password)
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        row = await invitation_store.use_link_any_merchant(
            connection, hash_of(secret), now, purposes=_PURPOSES
        )
        if row is None:
            raise NotFound("unknown_link")
        if link.is_first_run and await user_store.lock_people_any_merchant(connection):
            raise NotFound("unknown_link")
        person_id = known.person_id if known else None
        if person_id is None:
            person_id = await user_store.insert_person_any_merchant(
                connection,
                email=email,
                name=name,
                password_hash=password_hash,
                is_owner=link.is_first_run,
                now=now,
            )
        if person_id is None:
            raise Conflict("email_taken", email=email)
        await _give(connection, link, person_id, now=now)
        await audit_store.insert_act(
            connection,
            row.merchant_id,
            person_id=person_id,
            email=email,
            what="joined",
            about=email,
            detail=f"{link.role}, let in by {row.made_by}",
            origin=origin,
            now=now,
        )


async def _known_person(engine: Engine, email: str, password: str, origin: Origin) -> Person | None:
    found = await user_store.person_by_email_any_merchant(engine.database, email)
    if found is None:
        return None
    await refuse_many_tries(engine, f"email {email}", origin)
    if not await is_password(password, found[1]):
        raise NotAuthenticated("wrong_sign_in")
    return found[0]


async def _give(connection: Connection, link: Link, person_id: int, *, now: datetime) -> None:
    if link.is_first_run:
        await invitation_store.delete_first_run_links_any_merchant(connection)
        return
    assert link.merchant_id is not None, "an invitation is into a merchant"
    await user_store.put_membership(connection, link.merchant_id, person_id, link.role, now=now)


async def add_person(
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
        raise Invalid("role", "owner without a merchant, or another role of one merchant")
    password_hash = await hash_password(password)
    async with engine.database.transaction() as connection:
        person_id = await user_store.insert_person_any_merchant(
            connection,
            email=email,
            name=name,
            password_hash=password_hash,
            is_owner=role is Role.OWNER,
            now=now,
        )
        if person_id is None:
            raise Conflict("email_taken", email=email)
        if merchant_id is not None:
            await user_store.put_membership(connection, merchant_id, person_id, role, now=now)
        await invitation_store.delete_first_run_links_any_merchant(connection)
        await audit_store.insert_act(
            connection,
            merchant_id,
            person_id=person_id,
            email=email,
            what="person_added",
            about=email,
            detail=f"{role}, by `dasi user add`",
            origin=TERMINAL,
            now=now,
        )


def checked_email(email: str) -> str:
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        raise Invalid("email", "an address such as kim@shop.example")
    return email


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _NAME_MAX or not name.isprintable():
        raise Invalid("name", f"1 to {_NAME_MAX} characters")
    return name

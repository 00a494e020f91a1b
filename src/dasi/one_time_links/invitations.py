"""Invite users: the first owner by a link on the terminal, every other by another user.

An invitation ends when its maker may manage the members no longer.
"""

from dataclasses import dataclass
from datetime import timedelta

from dasi.audit import ClientInfo, insert_audit
from dasi.auth_limits import limits_of_user, remember_device
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotAuthenticated, NotFound
from dasi.foundation.ids import token, token_hash
from dasi.one_time_links import link_store
from dasi.one_time_links.link_store import SentInvitation
from dasi.users import (
    MEMBER_ROLES,
    Role,
    User,
    admit_user,
    checked_email,
    find_user_by_email,
    hash_new_password,
    list_users,
    verify_password,
)

BOOTSTRAP_LIFE = timedelta(hours=24)
INVITATION_LIFE = timedelta(days=7)
_PURPOSES: tuple[link_store.Purpose, ...] = ("bootstrap", "invitation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """The user that a link admits, as its page shows it."""

    is_bootstrap: bool
    email: str | None
    role: Role
    merchant_id: int | None


async def bootstrap_link(engine: Engine) -> str | None:
    """Return the link for the first owner; None if a user exists. For the operator's terminal."""
    if await list_users(engine):
        return None
    secret, now = token(), engine.clock.now()
    await link_store.insert_link(
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
    return f"{engine.public_url}/console/join#{secret}"


async def invite(engine: Engine, merchant_id: int, *, email: str, role: Role, made_by: User) -> str:
    """Return an invitation link. It works once, for a week. Raise `Invalid`."""
    if role not in MEMBER_ROLES:
        raise Invalid("role", "one_of", values=MEMBER_ROLES)
    secret, now = token(), engine.clock.now()
    await link_store.insert_link(
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
    return f"{engine.public_url}/console/join#{secret}"


async def list_invitations(engine: Engine, merchant_id: int) -> list[SentInvitation]:
    """Return the invitations into a merchant that can still be accepted, newest first."""
    return await link_store.invitations(engine.database, merchant_id, engine.clock.now())


async def withdraw_invitation(
    engine: Engine, merchant_id: int, link_id: int, *, by: User | None, client: ClientInfo
) -> None:
    """End an invitation. `by` is None at the terminal. Raise `NotFound("unknown_invitation")`."""
    async with engine.database.transaction() as connection:
        invitation = await link_store.delete_invitation(connection, merchant_id, link_id)
        if invitation is None:
            raise NotFound("unknown_invitation")
        await insert_audit(
            connection,
            merchant_id,
            user_id=by.user_id if by else None,
            email=by.email if by else invitation.made_by,
            action="invitation_withdrawn",
            target=invitation.email,
            detail=invitation.role,
            client=client,
            now=engine.clock.now(),
        )


async def get_invitation(engine: Engine, secret: str) -> Invitation:
    """Return the invitation of a link.

    Raise `NotFound("unknown_link")` if the link was used or has expired.
    """
    row = await link_store.valid_link_any_merchant(
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
    password_hash = ""
    if existing is None:
        merchant_ids = None if link.merchant_id is None else {link.merchant_id}
        password_hash = await hash_new_password(
            engine, password, email=email, name=name, merchant_ids=merchant_ids
        )
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        row = await link_store.use_link_any_merchant(
            connection, token_hash(secret), now, purposes=_PURPOSES
        )
        if row is None:
            raise NotFound("unknown_link")
        if link.is_bootstrap and await link_store.lock_users_any_merchant(connection):
            raise NotFound("unknown_link")
        user_id = await admit_user(
            connection,
            existing,
            email=email,
            name=name,
            password_hash=password_hash,
            merchant_id=link.merchant_id,
            role=link.role,
            now=now,
        )
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
    if await find_user_by_email(engine, email) is None:
        return None
    limits = await limits_of_user(engine, "password", email, client)
    try:
        return await verify_password(engine, email, password, limits=limits)
    except NotAuthenticated as wrong:
        raise NotAuthenticated("wrong_sign_in") from wrong

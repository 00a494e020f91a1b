"""List users and members, change their roles, disable and enable them.

Every operation has effect from the user's next request. One enabled owner always stays.
`by` is the user who operates; None is the operator's terminal.
"""

from datetime import datetime

from dasi.audit import ClientInfo, insert_audit
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, NotAllowed, NotFound
from dasi.users import user_store
from dasi.users.user import Member, Role, User


async def list_members(engine: Engine, merchant_id: int) -> list[Member]:
    """Return the owners and the members of a merchant, owners first."""
    return await user_store.members(engine.database, merchant_id)


async def list_users(engine: Engine) -> list[User]:
    """Return every user, disabled ones too. For owners and for the command line."""
    return await user_store.users_any_merchant(engine.database)


async def remove_member(engine: Engine, merchant_id: int, user_id: int) -> None:
    """Remove a membership.

    Raise `NotFound("unknown_user")`, also for an owner, because an owner has no membership.
    """
    if not await user_store.delete_membership(engine.database, merchant_id, user_id):
        raise NotFound("unknown_user")


async def change_role(
    engine: Engine,
    merchant_id: int | None,
    user_id: int,
    role: Role,
    *,
    by: User | None,
    client: ClientInfo,
) -> None:
    """Give a user another role: in a merchant, or that of an owner (no merchant; terminal only).

    An owner becomes a member of the merchant. Raise `NotFound("unknown_user")` if a user changes
    the role of one who is no member, `NotAllowed("role_forbids")` if a member changes an owner,
    `Conflict("last_owner")`.
    """
    assert (role is Role.OWNER) == (merchant_id is None), "an owner's role is in no merchant"
    assert by is None or merchant_id is not None, "only the terminal makes owners"
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        user = await _locked_user(connection, user_id)
        if user.is_owner and merchant_id is not None:
            if by is not None and not by.is_owner:
                raise NotAllowed("role_forbids")
            await _keep_an_owner(connection, user)
        if by is not None and not user.is_owner and merchant_id not in user.roles:
            raise NotFound("unknown_user")
        await user_store.set_owner_any_merchant(connection, user_id, is_owner=merchant_id is None)
        if merchant_id is not None:
            await user_store.put_membership(connection, merchant_id, user_id, role, now=now)
        old_role = Role.OWNER if user.is_owner else user.roles.get(merchant_id or 0, "none")
        await _audit(
            connection,
            merchant_id,
            user,
            action="role_changed",
            by=by,
            detail=f"{old_role} → {role}",
            client=client,
            now=now,
        )


async def disable_user(
    engine: Engine, user_id: int, *, by: User | None, client: ClientInfo
) -> None:
    """Keep a user out, end their sessions and the invitations that they made.

    Raise `NotFound("unknown_user")`, `Conflict("last_owner")`.
    """
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        user = await _locked_user(connection, user_id)
        if user.is_owner:
            await _keep_an_owner(connection, user)
        await user_store.disable_user_any_merchant(connection, user_id, now=now)
        await _audit(connection, None, user, action="user_disabled", by=by, client=client, now=now)


async def enable_user(engine: Engine, user_id: int, *, by: User | None, client: ClientInfo) -> None:
    """Let a disabled user in again. Raise `NotFound("unknown_user")`."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        user = await _locked_user(connection, user_id)
        await user_store.enable_user_any_merchant(connection, user_id)
        await _audit(connection, None, user, action="user_enabled", by=by, client=client, now=now)


async def _locked_user(connection: Connection, user_id: int) -> User:
    """Lock the owners and the user, and return the user."""
    user = await user_store.lock_user_any_merchant(connection, user_id)
    if user is None:
        raise NotFound("unknown_user")
    return user


async def _keep_an_owner(connection: Connection, user: User) -> None:
    if not await user_store.has_other_owner_any_merchant(connection, user.user_id):
        raise Conflict("last_owner", email=user.email)


async def _audit(
    connection: Connection,
    merchant_id: int | None,
    user: User,
    *,
    action: str,
    by: User | None,
    client: ClientInfo,
    now: datetime,
    detail: str | None = None,
) -> None:
    actor = by or user
    await insert_audit(
        connection,
        merchant_id,
        user_id=actor.user_id,
        email=actor.email,
        action=action,
        target=user.email,
        detail=detail,
        client=client,
        now=now,
    )

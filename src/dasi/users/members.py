"""Who belongs to a merchant, and in which role."""

from collections.abc import Collection

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.users import user_store
from dasi.users.user import Member, Role, User


async def list_members(engine: Engine, merchant_id: int) -> list[Member]:
    """Owners first."""
    return await user_store.members(engine.database, merchant_id)


async def list_users(engine: Engine) -> list[User]:
    """Everybody. For the command line of whoever runs the machine."""
    return await user_store.users_any_merchant(engine.database)


async def remove_member(engine: Engine, merchant_id: int, user_id: int) -> None:
    """Takes a membership away; it is gone at the user's next click.

    `NotFound("unknown_user")`; an owner has no membership to take.
    """
    if not await user_store.delete_membership(engine.database, merchant_id, user_id):
        raise NotFound("unknown_user")


async def mfa_roles(engine: Engine, merchant_id: int) -> set[Role]:
    """The roles that see this merchant only with a second factor."""
    return await user_store.mfa_roles(engine.database, merchant_id)


async def set_mfa_policy(engine: Engine, merchant_id: int, roles: Collection[Role]) -> None:
    """From their next click on, users in these roles who have none are led to setting one up."""
    async with engine.database.transaction() as connection:
        await user_store.put_mfa_policy(connection, merchant_id, roles)

"""Reset a lost password or second factor by a link from the operator's terminal.

The operator of the machine controls it anyway. No other user can create such a link, so a stolen
mailbox resets nothing.
"""

from datetime import timedelta

from dasi.audit import TERMINAL, ClientInfo, insert_audit
from dasi.auth_limits import remember_device
from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.foundation.ids import token, token_hash
from dasi.one_time_links import link_store
from dasi.users import (
    User,
    checked_email,
    find_user_by_email,
    hash_new_password,
    reset_user,
)

RESET_LIFE = timedelta(hours=1)
_PURPOSES: tuple[link_store.Purpose, ...] = ("reset", "reset_password")


async def reset_link(engine: Engine, email: str, *, ends_second_factor: bool) -> str:
    """Return a link for the user. It works once, for an hour, and replaces an older link.

    Nothing else changes before its use. Raise `NotFound("unknown_user")`, `Invalid`.
    """
    email, secret, now = checked_email(email), token(), engine.clock.now()
    user = await _user(engine, email)
    async with engine.database.transaction() as connection:
        await link_store.delete_links_of_any_merchant(connection, email, purposes=_PURPOSES)
        await link_store.insert_link(
            connection,
            None,
            link_hash=token_hash(secret),
            purpose="reset" if ends_second_factor else "reset_password",
            email=email,
            role=None,
            made_by="terminal",
            now=now,
            expires_at=now + RESET_LIFE,
        )
        await insert_audit(
            connection,
            None,
            user_id=user.user_id,
            email=email,
            action="reset_link_made",
            target=email,
            detail=_detail(ends_second_factor=ends_second_factor),
            client=TERMINAL,
            now=now,
        )
    return f"{engine.public_url}/console/reset#{secret}"


async def get_reset(engine: Engine, secret: str) -> tuple[str, bool]:
    """Return the user's email and whether the link removes the second factor too.

    Raise `NotFound("unknown_link")`.
    """
    row = await link_store.valid_link_any_merchant(
        engine.database, token_hash(secret), engine.clock.now(), purposes=_PURPOSES
    )
    if row is None or row.email is None:
        raise NotFound("unknown_link")
    return row.email, row.purpose == "reset"


async def use_reset(engine: Engine, secret: str, *, password: str, client: ClientInfo) -> str:
    """Set the password, end every session of the user and forget their devices.

    Return the cookie of this device, which is known from now on. If an attacker's failures keep
    a user out of a new device, such a link lets the user in.
    Raise `NotFound("unknown_link")`, `Invalid`.
    """
    email, ends_second_factor = await get_reset(engine, secret)
    user = await _user(engine, email)
    password_hash = await hash_new_password(
        engine, password, email=email, name=user.name, merchant_ids=user.merchant_ids
    )
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        row = await link_store.use_link_any_merchant(
            connection, token_hash(secret), now, purposes=_PURPOSES
        )
        if row is None:
            raise NotFound("unknown_link")
        await reset_user(
            connection,
            user.user_id,
            password_hash=password_hash,
            ends_second_factor=ends_second_factor,
        )
        await insert_audit(
            connection,
            None,
            user_id=user.user_id,
            email=email,
            action="user_reset",
            target=email,
            detail=_detail(ends_second_factor=ends_second_factor),
            client=client,
            now=now,
        )
    return await remember_device(engine, user.user_id, client)


async def _user(engine: Engine, email: str) -> User:
    user = await find_user_by_email(engine, email)
    if user is None:
        raise NotFound("unknown_user", email=email)
    return user


def _detail(*, ends_second_factor: bool) -> str:
    return "password and second factor" if ends_second_factor else "password"

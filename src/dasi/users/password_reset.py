"""Let somebody in again who lost the password or the second factor: by a link from the terminal.

Whoever can run a command on the machine owns it anyway; nobody else can make such a link, so a
stolen mailbox resets nothing.
"""

from datetime import timedelta

from dasi.audit import ClientInfo, audit_store
from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.foundation.ids import token
from dasi.users import invitation_store, user_store
from dasi.users.invitations import TERMINAL, checked_email
from dasi.users.passwords import hash_of, hash_password
from dasi.users.user import User

RESET_LIFE = timedelta(hours=1)
_PURPOSES: tuple[invitation_store.Purpose, ...] = ("reset", "reset_password")


async def reset_link(engine: Engine, email: str, *, ends_second_factor: bool) -> str:
    """The address to hand over: it works once, for an hour, and takes the place of an older one.

    Nothing changes before it is used. `NotFound("unknown_user")`, `Invalid`.
    """
    email, secret, now = checked_email(email), token(), engine.clock.now()
    user = await _user(engine, email)
    async with engine.database.transaction() as connection:
        await invitation_store.delete_links_of_any_merchant(connection, email, purposes=_PURPOSES)
        await invitation_store.insert_link(
            connection,
            None,
            link_hash=hash_of(secret),
            purpose="reset" if ends_second_factor else "reset_password",
            email=email,
            role=None,
            made_by="terminal",
            now=now,
            expires_at=now + RESET_LIFE,
        )
        await audit_store.insert_audit(
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
    return f"{engine.public_url}/console/reset/{secret}"


async def get_reset(engine: Engine, secret: str) -> tuple[str, bool]:
    """(whose email, whether the second factor ends too). `NotFound("unknown_link")`."""
    row = await invitation_store.valid_link_any_merchant(
        engine.database, hash_of(secret), engine.clock.now(), purposes=_PURPOSES
    )
    if row is None or row.email is None:
        raise NotFound("unknown_link")
    return row.email, row.purpose == "reset"


async def use_reset(engine: Engine, secret: str, *, password: str, client: ClientInfo) -> None:
    """The new password is in force, and every session of the user has ended.

    `NotFound("unknown_link")`, `Invalid`.
    """
    email, ends_second_factor = await get_reset(engine, secret)
    user = await _user(engine, email)
    password_hash, now = await hash_password(password), engine.clock.now()
    async with engine.database.transaction() as connection:
        row = await invitation_store.use_link_any_merchant(
            connection, hash_of(secret), now, purposes=_PURPOSES
        )
        if row is None:
            raise NotFound("unknown_link")
        await user_store.reset_user_any_merchant(
            connection,
            user.user_id,
            password_hash=password_hash,
            ends_second_factor=ends_second_factor,
        )
        await audit_store.insert_audit(
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


async def _user(engine: Engine, email: str) -> User:
    found = await user_store.user_by_email_any_merchant(engine.database, email)
    if found is None:
        raise NotFound("unknown_user", email=email)
    return found[0]


def _detail(*, ends_second_factor: bool) -> str:
    return "password and second factor" if ends_second_factor else "password"

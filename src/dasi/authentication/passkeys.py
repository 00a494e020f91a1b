"""Keep passkeys: add one, name it, remove it."""

import hashlib
import os

from dasi.audit import ClientInfo, record_own_audit
from dasi.authentication import passkey_store, session_store
from dasi.authentication.passkey import CHALLENGE_LIFE, PASSKEY_NAME_MAX, PASSKEYS_MAX, Passkey
from dasi.authentication.session import Session
from dasi.authentication.sign_in import check_password
from dasi.authentication.webauthn_messages import (
    Host,
    InvalidAssertion,
    host_of,
    options_to_add,
    read_new_key,
)
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotAllowed, NotAuthenticated, NotFound
from dasi.users import User

CHALLENGE_BYTES = 32


async def list_passkeys(engine: Engine, user: User) -> list[Passkey]:
    """Oldest first."""
    return await passkey_store.passkeys_any_merchant(engine.database, user.user_id)


def has_passkeys_here(engine: Engine) -> bool:
    """Whether browsers offer passkeys at the address of this gateway."""
    return host_of(engine.public_url) is not None


async def begin_passkey_registration(engine: Engine, session: Session) -> str:
    """JSON for the browser. What it makes is good for five minutes, in this session, once.

    `NotAllowed("no_passkeys_here")`, `Conflict("many_passkeys")`.
    """
    host, user = checked_host(engine), session.user
    known = await passkey_store.passkey_rows_any_merchant(engine.database, user.user_id)
    if len(known) >= PASSKEYS_MAX:
        raise Conflict("many_passkeys", limit=PASSKEYS_MAX)
    challenge = os.urandom(CHALLENGE_BYTES)
    await passkey_store.put_challenge_any_merchant(
        engine.database,
        session.session_hash,
        purpose="add",
        challenge=challenge,
        expires_at=engine.clock.now() + CHALLENGE_LIFE,
    )
    return await options_to_add(
        host,
        challenge,
        user_id=hashlib.sha256(f"dasi user {user.user_id}".encode()).digest(),
        email=user.email,
        name=user.name,
        known=[one.credential_id for one in known],
    )


async def add_passkey(
    engine: Engine, session: Session, *, answer: str, name: str, client: ClientInfo
) -> None:
    """Keeps what the browser made. The first second factor somebody has ends their other sessions.

    `NotAuthenticated("wrong_passkey")`, `Conflict("passkey_taken" | "many_passkeys")`, `Invalid`.
    """
    host, user, now = checked_host(engine), session.user, engine.clock.now()
    name = _checked_name(name)
    challenge = await passkey_store.take_challenge_any_merchant(
        engine.database, session.session_hash, purpose="add", now=now
    )
    if challenge is None:
        raise NotAuthenticated("wrong_passkey")
    try:
        new = await read_new_key(host, challenge, answer)
    except InvalidAssertion as why:
        await record_own_audit(engine, user, "passkey_refused", client, detail=str(why))
        raise NotAuthenticated("wrong_passkey") from why
    async with engine.database.transaction() as connection:
        counted = await passkey_store.lock_passkeys_any_merchant(connection, user.user_id)
        if counted >= PASSKEYS_MAX:
            raise Conflict("many_passkeys", limit=PASSKEYS_MAX)
        is_new = await passkey_store.insert_passkey_any_merchant(
            connection,
            user.user_id,
            credential_id=new.credential_id,
            public_key=new.public_key,
            name=name,
            sign_count=new.sign_count,
            now=now,
        )
    if not is_new:
        raise Conflict("passkey_taken")
    if not user.has_second_factor:
        await session_store.delete_sessions_any_merchant(
            engine.database, user.user_id, but=session.session_hash
        )
    await record_own_audit(engine, user, "passkey_added", client, target=name)


async def rename_passkey(
    engine: Engine, session: Session, passkey_id: int, *, name: str, client: ClientInfo
) -> None:
    """`NotFound("unknown_passkey")`, `Invalid`."""
    name = _checked_name(name)
    if not await passkey_store.rename_passkey_any_merchant(
        engine.database, session.user.user_id, passkey_id, name
    ):
        raise NotFound("unknown_passkey")
    await record_own_audit(engine, session.user, "passkey_renamed", client, target=name)


async def remove_passkey(
    engine: Engine, session: Session, passkey_id: int, *, password: str, client: ClientInfo
) -> None:
    """By the password: a browser left open must not take the second factor away.

    `NotAuthenticated("wrong_password")`, `NotFound("unknown_passkey")`.
    """
    await check_password(engine, session.user, password, client)
    name = await passkey_store.delete_passkey_any_merchant(
        engine.database, session.user.user_id, passkey_id
    )
    if name is None:
        raise NotFound("unknown_passkey")
    await record_own_audit(engine, session.user, "passkey_removed", client, target=name)


def checked_host(engine: Engine) -> Host:
    host = host_of(engine.public_url)
    if host is None:
        raise NotAllowed("no_passkeys_here", url=engine.public_url)
    return host


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= PASSKEY_NAME_MAX or not name.isprintable():
        raise Invalid("name", "length_between", minimum=1, maximum=PASSKEY_NAME_MAX)
    return name

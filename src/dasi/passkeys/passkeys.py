"""Add, rename and remove passkeys, and complete a sign-in by one."""

import hashlib
import os
from datetime import timedelta

from dasi.audit import ClientInfo, record_own_audit
from dasi.auth_limits import limit_failures, limits_of_user
from dasi.authentication import (
    Session,
    SignInResult,
    check_password,
    complete_session,
    end_other_sessions,
)
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotAllowed, NotAuthenticated, NotFound
from dasi.passkeys import passkey_store
from dasi.passkeys.passkey_store import Passkey, Purpose
from dasi.passkeys.webauthn_messages import (
    Host,
    InvalidAssertion,
    credential_id_of,
    host_of,
    new_sign_count,
    options_to_add,
    options_to_sign_in,
    read_new_key,
)
from dasi.users import User

PASSKEYS_MAX = 10
PASSKEY_NAME_MAX = 60
_CHALLENGE_BYTES = 32
_CHALLENGE_LIFE = timedelta(minutes=5)


async def list_passkeys(engine: Engine, user: User) -> list[Passkey]:
    """Return the passkeys of a user, oldest first."""
    return await passkey_store.passkeys_any_merchant(engine.database, user.user_id)


def has_passkeys_here(engine: Engine) -> bool:
    """Return whether browsers offer passkeys at the address of this gateway."""
    return host_of(engine.public_url) is not None


async def begin_passkey_registration(engine: Engine, session: Session) -> str:
    """Return the JSON options for the browser. They work once, for five minutes, in this session.

    Raise `NotAllowed("no_passkeys_here")`, `Conflict("many_passkeys")`.
    """
    host, user = _checked_host(engine), session.user
    rows = await passkey_store.passkey_rows_any_merchant(engine.database, user.user_id)
    if len(rows) >= PASSKEYS_MAX:
        raise Conflict("many_passkeys", limit=PASSKEYS_MAX)
    return await options_to_add(
        host,
        await _new_challenge(engine, session, purpose="add"),
        user_id=hashlib.sha256(f"dasi user {user.user_id}".encode()).digest(),
        email=user.email,
        name=user.name,
        known=[row.credential_id for row in rows],
    )


async def add_passkey(
    engine: Engine, session: Session, *, answer: str, name: str, password: str, client: ClientInfo
) -> None:
    """Add the passkey of the browser's answer.

    The first second factor of a user ends their other sessions. Raise
    `NotAuthenticated("wrong_passkey" | "wrong_password")`, `Conflict("passkey_taken" |
    "many_passkeys")`, `Invalid`.
    """
    host, user, now = _checked_host(engine), session.user, engine.clock.now()
    name = _checked_name(name)
    await check_password(engine, session, password, client)
    challenge = await passkey_store.take_challenge_any_merchant(
        engine.database, session.session_hash, purpose="add", now=now
    )
    if challenge is None:
        raise NotAuthenticated("wrong_passkey")
    try:
        new = await read_new_key(host, challenge, answer)
    except InvalidAssertion as error:
        await record_own_audit(engine, user, "passkey_refused", client, detail=str(error))
        raise NotAuthenticated("wrong_passkey") from error
    async with engine.database.transaction() as connection:
        count = await passkey_store.lock_passkeys_any_merchant(connection, user.user_id)
        if count >= PASSKEYS_MAX:
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
        await end_other_sessions(engine, session)
    await record_own_audit(engine, user, "passkey_added", client, target=name)


async def rename_passkey(
    engine: Engine, session: Session, passkey_id: int, *, name: str, client: ClientInfo
) -> None:
    """Rename a passkey. Raise `NotFound("unknown_passkey")`, `Invalid`."""
    name = _checked_name(name)
    if not await passkey_store.rename_passkey_any_merchant(
        engine.database, session.user.user_id, passkey_id, name
    ):
        raise NotFound("unknown_passkey")
    await record_own_audit(engine, session.user, "passkey_renamed", client, target=name)


async def remove_passkey(
    engine: Engine, session: Session, passkey_id: int, *, password: str, client: ClientInfo
) -> None:
    """Remove a passkey.

    The password is required, because another person at an open browser must not remove the second
    factor. Raise `NotAuthenticated("wrong_password")`, `NotFound("unknown_passkey")`.
    """
    await check_password(engine, session, password, client)
    name = await passkey_store.delete_passkey_any_merchant(
        engine.database, session.user.user_id, passkey_id
    )
    if name is None:
        raise NotFound("unknown_passkey")
    await record_own_audit(engine, session.user, "passkey_removed", client, target=name)


async def begin_passkey_authentication(engine: Engine, session: Session) -> str:
    """Return the JSON options for the browser. Raise `NotAllowed("no_passkeys_here")`."""
    host = _checked_host(engine)
    rows = await passkey_store.passkey_rows_any_merchant(engine.database, session.user.user_id)
    return await options_to_sign_in(
        host,
        await _new_challenge(engine, session, purpose="sign_in"),
        known=[row.credential_id for row in rows],
    )


async def _new_challenge(engine: Engine, session: Session, *, purpose: Purpose) -> bytes:
    challenge = os.urandom(_CHALLENGE_BYTES)
    await passkey_store.put_challenge_any_merchant(
        engine.database,
        session.session_hash,
        purpose=purpose,
        challenge=challenge,
        expires_at=engine.clock.now() + _CHALLENGE_LIFE,
    )
    return challenge


async def verify_passkey(
    engine: Engine, session: Session, answer: str, *, client: ClientInfo
) -> SignInResult:
    """Complete a sign-in by the browser's answer, and return the new session.

    Raise `NotAuthenticated("wrong_passkey")` for a wrong answer, another user's passkey, a used or
    expired challenge, or a count that did not grow. The audit log names the reason.
    """
    user = session.user
    limits = await limits_of_user(engine, "code", user.email, client)
    async with limit_failures(engine, limits):
        try:
            await _check_answer(engine, session, answer)
        except InvalidAssertion as error:
            await record_own_audit(
                engine, user, "second_factor_failed", client, detail=f"passkey: {error}"
            )
            raise NotAuthenticated("wrong_passkey") from error
    return await complete_session(engine, session, client=client)


async def _check_answer(engine: Engine, session: Session, answer: str) -> None:
    """Check the answer and store its count. Raise `InvalidAssertion` with the reason."""
    host, now = _checked_host(engine), engine.clock.now()
    challenge = await passkey_store.take_challenge_any_merchant(
        engine.database, session.session_hash, purpose="sign_in", now=now
    )
    if challenge is None:
        raise InvalidAssertion("nothing was asked of this session, or it was answered or ran out")
    credential_id = await credential_id_of(answer)
    rows = await passkey_store.passkey_rows_any_merchant(engine.database, session.user.user_id)
    row = next((row for row in rows if row.credential_id == credential_id), None)
    if row is None:
        raise InvalidAssertion("a passkey that is not this user's")
    sign_count = await new_sign_count(
        host, challenge, answer, public_key=row.public_key, sign_count=row.sign_count
    )
    if not await passkey_store.count_passkey_use_any_merchant(
        engine.database, row.passkey_id, sign_count=sign_count, now=now
    ):
        raise InvalidAssertion("another answer with this count came first")


def _checked_host(engine: Engine) -> Host:
    host = host_of(engine.public_url)
    if host is None:
        raise NotAllowed("no_passkeys_here", url=engine.public_url)
    return host


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= PASSKEY_NAME_MAX or not name.isprintable():
        raise Invalid("name", "length_between", minimum=1, maximum=PASSKEY_NAME_MAX)
    return name

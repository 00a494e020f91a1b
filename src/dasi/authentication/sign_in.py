"""Sign in and out.

Every step of a sign-in starts a session with a new secret, so that no attacker can plant one.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from dasi.audit import ClientInfo, insert_audit, record_own_audit
from dasi.auth_limits import (
    forget_devices,
    limits_of_session,
    limits_of_user,
    remember_device,
)
from dasi.authentication import session_store
from dasi.authentication.session_store import Session, SessionSummary
from dasi.engine import Engine
from dasi.foundation.errors import NotAuthenticated
from dasi.foundation.ids import token, token_hash
from dasi.users import User, set_password, verify_password

LIFE = timedelta(days=7)
"""A session ends this long after its start."""
_IDLE_MAX = timedelta(hours=12)
_SECOND_FACTOR_WITHIN = timedelta(minutes=10)
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignInResult:
    """`cookie` and `device` go to the browser. The server keeps only their hashes."""

    cookie: str = field(repr=False)
    needs_second_factor: bool
    device: str = field(default="", repr=False)
    """The cookie of the known device; empty while the second factor is missing."""


async def sign_in(engine: Engine, *, email: str, password: str, client: ClientInfo) -> SignInResult:
    """Sign a user in by email and password, and return the cookie of the new session.

    Raise `NotAuthenticated("wrong_sign_in")`, or `NotAllowed` after too many failures
    (`dasi.auth_limits`).
    """
    email = email.strip().lower()[:254]
    limits = await limits_of_user(engine, "password", email, client)
    try:
        user = await verify_password(engine, email, password, limits=limits)
    except NotAuthenticated as wrong:
        await _record_failure(engine, email, client)
        raise NotAuthenticated("wrong_sign_in") from wrong
    if user.has_second_factor:
        cookie = await _open_session(engine, user, is_complete=False, client=client)
        return SignInResult(cookie, needs_second_factor=True)
    return await _complete(engine, user, client)


async def _complete(engine: Engine, user: User, client: ClientInfo) -> SignInResult:
    cookie = await _open_session(engine, user, is_complete=True, client=client)
    device = await remember_device(engine, user.user_id, client)
    await record_own_audit(engine, user, "signed_in", client)
    return SignInResult(cookie, needs_second_factor=False, device=device)


async def _open_session(
    engine: Engine, user: User, *, is_complete: bool, client: ClientInfo
) -> str:
    """Start a session and return its cookie."""
    cookie, now = token(), engine.clock.now()
    await session_store.insert_session_any_merchant(
        engine.database,
        user.user_id,
        session_hash=token_hash(cookie),
        form_token=token(16),
        is_complete=is_complete,
        client=client,
        now=now,
        expires_at=now + (LIFE if is_complete else _SECOND_FACTOR_WITHIN),
    )
    return cookie


async def complete_session(engine: Engine, session: Session, *, client: ClientInfo) -> SignInResult:
    """Replace a session that lacks the second factor by a complete one, and return it."""
    await session_store.delete_session_any_merchant(engine.database, session.session_hash)
    return await _complete(engine, session.user, client)


async def find_session(engine: Engine, cookie: str) -> Session | None:
    """Return the active session of a cookie, or None."""
    now = engine.clock.now()
    session = await session_store.active_session_any_merchant(
        engine.database, token_hash(cookie), now=now, idle_since=now - _IDLE_MAX
    )
    if session is not None:
        await session_store.touch_session_any_merchant(
            engine.database, session.session_hash, now=now, unless_since=now - _SEEN_EVERY
        )
    return session


async def sign_out(engine: Engine, session: Session, *, client: ClientInfo) -> None:
    """End the session."""
    await session_store.delete_session_any_merchant(engine.database, session.session_hash)
    await record_own_audit(engine, session.user, "signed_out", client)


async def sign_out_everywhere(engine: Engine, session: Session, *, client: ClientInfo) -> int:
    """End every other session, forget other devices, and return the number of sessions."""
    count = await end_other_sessions(engine, session)
    await forget_devices(engine.database, session.user.user_id, but=client)
    await record_own_audit(engine, session.user, "signed_out_everywhere", client)
    return count


async def end_other_sessions(engine: Engine, session: Session) -> int:
    """End every session of the user but this one, and return their number. Write no audit entry."""
    return await session_store.delete_sessions_any_merchant(
        engine.database, session.user.user_id, but=session.session_hash
    )


async def list_sessions(engine: Engine, session: Session) -> list[SessionSummary]:
    """Return the active sessions of the user, the last used first."""
    now = engine.clock.now()
    return await session_store.sessions_of_any_merchant(
        engine.database,
        session.user.user_id,
        this=session.session_hash,
        now=now,
        idle_since=now - _IDLE_MAX,
    )


async def change_password(
    engine: Engine, session: Session, *, old: str, new: str, client: ClientInfo
) -> None:
    """Change the password, end every other session of the user and forget other devices.

    Raise `NotAuthenticated("wrong_password")`, `Invalid`.
    """
    user = session.user
    await check_password(engine, session, old, client)
    await set_password(engine, user, new)
    await end_other_sessions(engine, session)
    await forget_devices(engine.database, user.user_id, but=client)
    await record_own_audit(engine, user, "password_changed", client)


async def confirm_identity(
    engine: Engine, session: Session, password: str, *, client: ClientInfo
) -> Session:
    """Check the password and return the session with its new proof of identity.

    Raise `NotAuthenticated("wrong_password")`.
    """
    await check_password(engine, session, password, client)
    now = engine.clock.now()
    await session_store.verify_session_any_merchant(engine.database, session.session_hash, now=now)
    await record_own_audit(engine, session.user, "identity_confirmed", client)
    return replace(session, verified_at=now)


async def check_password(
    engine: Engine, session: Session, password: str, client: ClientInfo
) -> None:
    """Check the password of a signed-in user. Raise `NotAuthenticated("wrong_password")`."""
    limits = limits_of_session(session.session_hash)
    try:
        await verify_password(engine, session.user.email, password, limits=limits)
    except NotAuthenticated:
        await record_own_audit(engine, session.user, "wrong_password", client)
        raise


async def _record_failure(engine: Engine, email: str, client: ClientInfo) -> None:
    """Write an audit entry under the typed email, which no user may have."""
    await insert_audit(
        engine.database,
        None,
        user_id=None,
        email=email,
        action="sign_in_failed",
        target=None,
        detail=None,
        client=client,
        now=engine.clock.now(),
    )

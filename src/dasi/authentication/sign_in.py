"""Sign in and out.

Every step of a sign-in starts a session with a new secret, so that no attacker can plant one.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from dasi.audit import ClientInfo, insert_audit, record_own_audit
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
    """`cookie` goes to the browser. The server keeps only its hash."""

    cookie: str = field(repr=False)
    needs_second_factor: bool


async def sign_in(engine: Engine, *, email: str, password: str, client: ClientInfo) -> SignInResult:
    """Sign a user in by email and password, and return the cookie of the new session.

    Raise `NotAuthenticated("wrong_sign_in")`, or `NotAllowed("too_many_attempts")` for a quarter of
    an hour after too many failures of an email or an address.
    """
    email = email.strip().lower()[:254]
    user = await verify_password(engine, email, password, client)
    if user is None:
        await _record_failure(engine, email, client)
        raise NotAuthenticated("wrong_sign_in")
    cookie = await open_session(engine, user, is_complete=not user.has_second_factor, client=client)
    if not user.has_second_factor:
        await record_own_audit(engine, user, "signed_in", client)
    return SignInResult(cookie, user.has_second_factor)


async def open_session(engine: Engine, user: User, *, is_complete: bool, client: ClientInfo) -> str:
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


async def complete_session(engine: Engine, session: Session, *, client: ClientInfo) -> str:
    """Replace a session that lacks the second factor by a complete one. Return its cookie."""
    await session_store.delete_session_any_merchant(engine.database, session.session_hash)
    cookie = await open_session(engine, session.user, is_complete=True, client=client)
    await record_own_audit(engine, session.user, "signed_in", client)
    return cookie


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
    """End every other session of the user, and return their number."""
    count = await end_other_sessions(engine, session)
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
    """Change the password and end every other session of the user.

    Raise `NotAuthenticated("wrong_password")`, `Invalid`.
    """
    user = session.user
    await check_password(engine, user, old, client)
    await set_password(engine, user, new)
    await end_other_sessions(engine, session)
    await record_own_audit(engine, user, "password_changed", client)


async def check_password(engine: Engine, user: User, password: str, client: ClientInfo) -> None:
    """Check the password of a signed-in user. Raise `NotAuthenticated("wrong_password")`."""
    if await verify_password(engine, user.email, password, client) is None:
        await record_own_audit(engine, user, "wrong_password", client)
        raise NotAuthenticated("wrong_password")


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

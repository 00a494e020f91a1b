"""Sign in and out. A session has a new secret at every step up, so none can be planted."""

from dataclasses import dataclass, field
from datetime import timedelta

from dasi.audit import ClientInfo, audit_store, record_own_audit
from dasi.authentication import session_store
from dasi.authentication.session import IDLE, LIFE, SECOND_FACTOR_WITHIN, Session, SessionSummary
from dasi.engine import Engine
from dasi.foundation.errors import NotAuthenticated
from dasi.foundation.ids import token
from dasi.users import (
    User,
    check_rate_limit,
    hash_of,
    hash_password,
    is_password,
    rate_limit_store,
    user_store,
)

_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignInResult:
    """`cookie` goes to the browser and is kept nowhere else."""

    cookie: str = field(repr=False)
    needs_second_factor: bool


async def sign_in(engine: Engine, *, email: str, password: str, client: ClientInfo) -> SignInResult:
    """`NotAuthenticated("wrong_sign_in")`, or `NotAllowed("too_many_attempts")` for a quarter of an
    hour once an email or an address failed too often."""
    email = email.strip().lower()[:254]
    by_email = await check_rate_limit(engine, f"email {email}", client)
    found = await user_store.user_by_email_any_merchant(engine.database, email)
    if not await is_password(password, found[1] if found else None) or found is None:
        await _log_failure(engine, email, client)
        raise NotAuthenticated("wrong_sign_in")
    user = found[0]
    await rate_limit_store.clear_attempts_any_merchant(engine.database, [by_email])
    cookie = await open_session(engine, user, is_complete=not user.has_second_factor, client=client)
    if not user.has_second_factor:
        await record_own_audit(engine, user, "signed_in", client)
    return SignInResult(cookie, user.has_second_factor)


async def open_session(engine: Engine, user: User, *, is_complete: bool, client: ClientInfo) -> str:
    """A new session; the cookie that finds it."""
    cookie, now = token(), engine.clock.now()
    await session_store.insert_session_any_merchant(
        engine.database,
        user.user_id,
        session_hash=hash_of(cookie),
        form_token=token(16),
        is_complete=is_complete,
        client=client,
        now=now,
        expires_at=now + (LIFE if is_complete else SECOND_FACTOR_WITHIN),
    )
    return cookie


async def complete_session(engine: Engine, session: Session, *, client: ClientInfo) -> str:
    """After the second factor: the half session ends and a whole one under a new secret begins."""
    await session_store.delete_session_any_merchant(engine.database, session.session_hash)
    cookie = await open_session(engine, session.user, is_complete=True, client=client)
    await record_own_audit(engine, session.user, "signed_in", client)
    return cookie


async def find_session(engine: Engine, cookie: str) -> Session | None:
    """The living session a cookie finds, or None."""
    now = engine.clock.now()
    session = await session_store.active_session_any_merchant(
        engine.database, hash_of(cookie), now=now, idle_since=now - IDLE
    )
    if session is not None:
        await session_store.touch_session_any_merchant(
            engine.database, session.session_hash, now=now, unless_since=now - _SEEN_EVERY
        )
    return session


async def sign_out(engine: Engine, session: Session, *, client: ClientInfo) -> None:
    await session_store.delete_session_any_merchant(engine.database, session.session_hash)
    await record_own_audit(engine, session.user, "signed_out", client)


async def sign_out_everywhere(engine: Engine, session: Session, *, client: ClientInfo) -> int:
    """Ends every other session of this user; how many."""
    ended = await session_store.delete_sessions_any_merchant(
        engine.database, session.user.user_id, but=session.session_hash
    )
    await record_own_audit(engine, session.user, "signed_out_everywhere", client)
    return ended


async def list_sessions(engine: Engine, session: Session) -> list[SessionSummary]:
    now = engine.clock.now()
    return await session_store.sessions_of_any_merchant(
        engine.database,
        session.user.user_id,
        this=session.session_hash,
        now=now,
        idle_since=now - IDLE,
    )


async def change_password(
    engine: Engine, session: Session, *, old: str, new: str, client: ClientInfo
) -> None:
    """Ends every other session too. `NotAuthenticated("wrong_password")`, `Invalid`."""
    user = session.user
    await check_password(engine, user, old, client)
    await user_store.set_password_any_merchant(
        engine.database, user.user_id, await hash_password(new)
    )
    await session_store.delete_sessions_any_merchant(
        engine.database, user.user_id, but=session.session_hash
    )
    await record_own_audit(engine, user, "password_changed", client)


async def check_password(engine: Engine, user: User, given: str, client: ClientInfo) -> None:
    """Asked again of somebody signed in. `NotAuthenticated("wrong_password")`."""
    subject = await check_rate_limit(engine, f"email {user.email}", client)
    found = await user_store.user_by_email_any_merchant(engine.database, user.email)
    if not await is_password(given, found[1] if found else None):
        await record_own_audit(engine, user, "wrong_password", client)
        raise NotAuthenticated("wrong_password")
    await rate_limit_store.clear_attempts_any_merchant(engine.database, [subject])


async def _log_failure(engine: Engine, email: str, client: ClientInfo) -> None:
    """By the email that was typed: it may be nobody's."""
    await audit_store.insert_audit(
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

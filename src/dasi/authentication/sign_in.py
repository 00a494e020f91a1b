"""Sign in and out. A session has a new secret at every step up, so none can be planted."""

from dataclasses import dataclass, field
from datetime import timedelta

from dasi.audit import Origin, audit_store, log_own_act
from dasi.authentication import session_store
from dasi.authentication.session import IDLE, LIFE, SECOND_FACTOR_WITHIN, Session, SessionSummary
from dasi.engine import Engine
from dasi.foundation.errors import NotAuthenticated
from dasi.foundation.ids import token
from dasi.users import (
    Person,
    hash_of,
    hash_password,
    is_password,
    rate_limit_store,
    refuse_many_tries,
    user_store,
)

_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`cookie` goes to the browser and is kept nowhere else."""

    cookie: str = field(repr=False)
    needs_second_factor: bool


async def sign_in(engine: Engine, *, email: str, password: str, origin: Origin) -> SignedIn:
    """`NotAuthenticated("wrong_sign_in")`, or `NotAllowed("too_many_tries")` for a quarter of an
    hour once an email or an address failed too often."""
    email = email.strip().lower()[:254]
    by_email = await refuse_many_tries(engine, f"email {email}", origin)
    found = await user_store.person_by_email_any_merchant(engine.database, email)
    if not await is_password(password, found[1] if found else None) or found is None:
        await _log_failure(engine, email, origin)
        raise NotAuthenticated("wrong_sign_in")
    person = found[0]
    await rate_limit_store.forget_tries_any_merchant(engine.database, [by_email])
    cookie = await open_session(
        engine, person, is_complete=not person.has_second_factor, origin=origin
    )
    if not person.has_second_factor:
        await log_own_act(engine, person, "signed_in", origin)
    return SignedIn(cookie, person.has_second_factor)


async def open_session(engine: Engine, person: Person, *, is_complete: bool, origin: Origin) -> str:
    """A new session; the cookie that finds it."""
    cookie, now = token(), engine.clock.now()
    await session_store.insert_session_any_merchant(
        engine.database,
        person.person_id,
        session_hash=hash_of(cookie),
        form_token=token(16),
        is_complete=is_complete,
        origin=origin,
        now=now,
        expires_at=now + (LIFE if is_complete else SECOND_FACTOR_WITHIN),
    )
    return cookie


async def complete_session(engine: Engine, session: Session, *, origin: Origin) -> str:
    """After the second factor: the half session ends and a whole one under a new secret begins."""
    await session_store.delete_session_any_merchant(engine.database, session.session_hash)
    cookie = await open_session(engine, session.person, is_complete=True, origin=origin)
    await log_own_act(engine, session.person, "signed_in", origin)
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


async def sign_out(engine: Engine, session: Session, *, origin: Origin) -> None:
    await session_store.delete_session_any_merchant(engine.database, session.session_hash)
    await log_own_act(engine, session.person, "signed_out", origin)


async def sign_out_everywhere(engine: Engine, session: Session, *, origin: Origin) -> int:
    """Ends every other session of this person; how many."""
    ended = await session_store.delete_sessions_any_merchant(
        engine.database, session.person.person_id, but=session.session_hash
    )
    await log_own_act(engine, session.person, "signed_out_everywhere", origin)
    return ended


async def list_sessions(engine: Engine, session: Session) -> list[SessionSummary]:
    now = engine.clock.now()
    return await session_store.sessions_of_any_merchant(
        engine.database,
        session.person.person_id,
        this=session.session_hash,
        now=now,
        idle_since=now - IDLE,
    )


async def change_password(
    engine: Engine, session: Session, *, old: str, new: str, origin: Origin
) -> None:
    """Ends every other session too. `NotAuthenticated("wrong_password")`, `Invalid`."""
    person = session.person
    await check_password(engine, person, old, origin)
    await user_store.set_password_any_merchant(
        engine.database, person.person_id, await hash_password(new)
    )
    await session_store.delete_sessions_any_merchant(
        engine.database, person.person_id, but=session.session_hash
    )
    await log_own_act(engine, person, "password_changed", origin)


async def check_password(engine: Engine, person: Person, given: str, origin: Origin) -> None:
    """Asked again of somebody signed in. `NotAuthenticated("wrong_password")`."""
    subject = await refuse_many_tries(engine, f"email {person.email}", origin)
    found = await user_store.person_by_email_any_merchant(engine.database, person.email)
    if not await is_password(given, found[1] if found else None):
        await log_own_act(engine, person, "wrong_password", origin)
        raise NotAuthenticated("wrong_password")
    await rate_limit_store.forget_tries_any_merchant(engine.database, [subject])


async def _log_failure(engine: Engine, email: str, origin: Origin) -> None:
    """By the email that was typed: it may be nobody's."""
    await audit_store.insert_act(
        engine.database,
        None,
        person_id=None,
        email=email,
        what="sign_in_failed",
        about=None,
        detail=None,
        origin=origin,
        now=engine.clock.now(),
    )

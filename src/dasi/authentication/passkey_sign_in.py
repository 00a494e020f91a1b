"""Complete a sign-in by a passkey: asked for after the password, as a code of an app is."""

import os

from dasi.audit import Origin, log_own_act
from dasi.authentication import passkey_store
from dasi.authentication.passkey import CHALLENGE_LIFE
from dasi.authentication.passkeys import CHALLENGE_BYTES, checked_host
from dasi.authentication.session import Session
from dasi.authentication.sign_in import complete_session
from dasi.authentication.webauthn_messages import (
    NotSigned,
    credential_id_of,
    new_sign_count,
    options_to_sign_in,
)
from dasi.engine import Engine
from dasi.foundation.errors import NotAuthenticated
from dasi.users import rate_limit_store, refuse_many_tries


async def ask_for_passkey(engine: Engine, session: Session) -> str:
    """JSON for the browser. `NotAllowed("no_passkeys_here")`."""
    host = checked_host(engine)
    known = await passkey_store.passkey_rows_any_merchant(engine.database, session.person.person_id)
    challenge = os.urandom(CHALLENGE_BYTES)
    await passkey_store.put_challenge_any_merchant(
        engine.database,
        session.session_hash,
        purpose="sign_in",
        challenge=challenge,
        expires_at=engine.clock.now() + CHALLENGE_LIFE,
    )
    return await options_to_sign_in(host, challenge, known=[one.credential_id for one in known])


async def give_passkey(engine: Engine, session: Session, answer: str, *, origin: Origin) -> str:
    """Completes a sign-in; the new session's cookie.

    `NotAuthenticated("wrong_passkey")`: a wrong answer, another's passkey, a challenge that was
    used or ran out, or a count that did not grow. The audit log has which.
    """
    person = session.person
    subject = await refuse_many_tries(engine, f"code of {person.email}", origin)
    try:
        await _check(engine, session, answer)
    except NotSigned as why:
        await log_own_act(engine, person, "second_factor_failed", origin, detail=f"passkey: {why}")
        raise NotAuthenticated("wrong_passkey") from why
    await rate_limit_store.forget_tries_any_merchant(engine.database, [subject])
    return await complete_session(engine, session, origin=origin)


async def _check(engine: Engine, session: Session, answer: str) -> None:
    """`NotSigned` says why not."""
    host, now = checked_host(engine), engine.clock.now()
    challenge = await passkey_store.take_challenge_any_merchant(
        engine.database, session.session_hash, purpose="sign_in", now=now
    )
    if challenge is None:
        raise NotSigned("nothing was asked of this session, or it was answered or ran out")
    claimed = await credential_id_of(answer)
    rows = await passkey_store.passkey_rows_any_merchant(engine.database, session.person.person_id)
    row = next((one for one in rows if one.credential_id == claimed), None)
    if row is None:
        raise NotSigned("a passkey that is not this person's")
    counted = await new_sign_count(
        host, challenge, answer, public_key=row.public_key, sign_count=row.sign_count
    )
    if not await passkey_store.count_passkey_use_any_merchant(
        engine.database, row.passkey_id, sign_count=counted, now=now
    ):
        raise NotSigned("another answer with this count came first")

"""Complete a sign-in by a passkey: asked for after the password, as a code of an app is."""

import os

from dasi.audit import ClientInfo, record_own_audit
from dasi.authentication import passkey_store
from dasi.authentication.passkey import CHALLENGE_LIFE
from dasi.authentication.passkeys import CHALLENGE_BYTES, checked_host
from dasi.authentication.session import Session
from dasi.authentication.sign_in import complete_session
from dasi.authentication.webauthn_messages import (
    InvalidAssertion,
    credential_id_of,
    new_sign_count,
    options_to_sign_in,
)
from dasi.engine import Engine
from dasi.foundation.errors import NotAuthenticated
from dasi.users import check_rate_limit, rate_limit_store


async def begin_passkey_authentication(engine: Engine, session: Session) -> str:
    """JSON for the browser. `NotAllowed("no_passkeys_here")`."""
    host = checked_host(engine)
    known = await passkey_store.passkey_rows_any_merchant(engine.database, session.user.user_id)
    challenge = os.urandom(CHALLENGE_BYTES)
    await passkey_store.put_challenge_any_merchant(
        engine.database,
        session.session_hash,
        purpose="sign_in",
        challenge=challenge,
        expires_at=engine.clock.now() + CHALLENGE_LIFE,
    )
    return await options_to_sign_in(host, challenge, known=[one.credential_id for one in known])


async def verify_passkey(
    engine: Engine, session: Session, answer: str, *, client: ClientInfo
) -> str:
    """Completes a sign-in; the new session's cookie.

    `NotAuthenticated("wrong_passkey")`: a wrong answer, another's passkey, a challenge that was
    used or ran out, or a count that did not grow. The audit log has which.
    """
    user = session.user
    subject = await check_rate_limit(engine, f"code of {user.email}", client)
    try:
        await _check(engine, session, answer)
    except InvalidAssertion as why:
        await record_own_audit(
            engine, user, "second_factor_failed", client, detail=f"passkey: {why}"
        )
        raise NotAuthenticated("wrong_passkey") from why
    await rate_limit_store.clear_attempts_any_merchant(engine.database, [subject])
    return await complete_session(engine, session, client=client)


async def _check(engine: Engine, session: Session, answer: str) -> None:
    """`InvalidAssertion` says why not."""
    host, now = checked_host(engine), engine.clock.now()
    challenge = await passkey_store.take_challenge_any_merchant(
        engine.database, session.session_hash, purpose="sign_in", now=now
    )
    if challenge is None:
        raise InvalidAssertion("nothing was asked of this session, or it was answered or ran out")
    claimed = await credential_id_of(answer)
    rows = await passkey_store.passkey_rows_any_merchant(engine.database, session.user.user_id)
    row = next((one for one in rows if one.credential_id == claimed), None)
    if row is None:
        raise InvalidAssertion("a passkey that is not this user's")
    counted = await new_sign_count(
        host, challenge, answer, public_key=row.public_key, sign_count=row.sign_count
    )
    if not await passkey_store.count_passkey_use_any_merchant(
        engine.database, row.passkey_id, sign_count=counted, now=now
    ):
        raise InvalidAssertion("another answer with this count came first")

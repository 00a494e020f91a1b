"""The second factor by an authenticator app: a code (TOTP, 30 seconds, 6 digits).

A code opens one session: its step is written down with it and no earlier one is taken again.
"""

import hmac

import pyotp

from dasi.audit import ClientInfo, record_own_audit
from dasi.authentication import session_store
from dasi.authentication.session import Session
from dasi.authentication.sign_in import complete_session
from dasi.engine import Engine
from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Conflict, NotAuthenticated
from dasi.foundation.reencrypt import EncryptedColumn
from dasi.users import User, check_rate_limit, rate_limit_store, user_store

STEP_S = 30
_DRIFT = 1
"""Steps a clock may be off, either way."""


async def begin_second_factor(
    engine: Engine, session: Session, *, client: ClientInfo
) -> tuple[str, str]:
    """A new secret, not yet in force: (for typing, as an `otpauth://` address).

    `Conflict("second_factor_on")` while one is in force.
    """
    user = session.user
    if user.has_totp:
        raise Conflict("second_factor_on")
    secret = pyotp.random_base32()
    sealed = SEALED_SECOND_FACTORS.seal(engine.vault, secret, user_id=user.user_id)
    await user_store.set_totp_any_merchant(engine.database, user.user_id, sealed)
    await record_own_audit(engine, user, "second_factor_begun", client)
    return secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name="dasi")


async def confirm_second_factor(
    engine: Engine, session: Session, code: str, *, client: ClientInfo
) -> None:
    """Puts it in force once a code shows that the app has it. The first second factor somebody has
    ends their other sessions.

    `NotAuthenticated("wrong_code")`, `Conflict("second_factor_on")`.
    """
    user = session.user
    if user.has_totp:
        raise Conflict("second_factor_on")
    await _use_code(engine, user, code, client)
    await user_store.confirm_totp_any_merchant(
        engine.database, user.user_id, now=engine.clock.now()
    )
    if not user.has_second_factor:
        await session_store.delete_sessions_any_merchant(
            engine.database, user.user_id, but=session.session_hash
        )
    await record_own_audit(engine, user, "second_factor_on", client)


async def verify_totp(engine: Engine, session: Session, code: str, *, client: ClientInfo) -> str:
    """Completes a sign-in; the new session's cookie. `NotAuthenticated("wrong_code")`."""
    if not session.user.has_totp:  # one that was begun and never confirmed opens nothing
        raise NotAuthenticated("wrong_code")
    await _use_code(engine, session.user, code, client)
    return await complete_session(engine, session, client=client)


async def end_second_factor(
    engine: Engine, session: Session, code: str, *, client: ClientInfo
) -> None:
    """Switches it off, by a code. `NotAuthenticated("wrong_code")`."""
    await _use_code(engine, session.user, code, client)
    await user_store.set_totp_any_merchant(engine.database, session.user.user_id, None)
    await record_own_audit(engine, session.user, "second_factor_off", client)


async def _use_code(engine: Engine, user: User, code: str, client: ClientInfo) -> None:
    subject = await check_rate_limit(engine, f"code of {user.email}", client)
    sealed = await user_store.sealed_totp_any_merchant(engine.database, user.user_id)
    if sealed is None:
        await record_own_audit(engine, user, "second_factor_failed", client, detail="no app")
        raise NotAuthenticated("wrong_code")
    totp = pyotp.TOTP(SEALED_SECOND_FACTORS.open(engine.vault, sealed, user_id=user.user_id))
    now_step = epoch_s(engine.clock.now()) // STEP_S
    given = code.replace(" ", "").encode()
    for step in range(now_step - _DRIFT, now_step + _DRIFT + 1):
        is_right = hmac.compare_digest(totp.generate_otp(step).encode(), given)
        if is_right and await user_store.use_totp_step_any_merchant(
            engine.database, user.user_id, step
        ):
            await rate_limit_store.clear_attempts_any_merchant(engine.database, [subject])
            return
    await record_own_audit(engine, user, "second_factor_failed", client, detail="wrong code")
    raise NotAuthenticated("wrong_code")


SEALED_SECOND_FACTORS = EncryptedColumn(
    title="second factors",
    table="users",
    key=("user_id",),
    column="sealed_totp",
    bound_to="second factor of user {user_id}",
)

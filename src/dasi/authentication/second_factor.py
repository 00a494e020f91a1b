"""The second factor by an authenticator app (TOTP, 30 seconds, 6 digits), and the MFA policy.

A code completes one sign-in: its time step is stored, so that neither it nor an earlier code works
again.
"""

import hmac
from collections.abc import Collection

import pyotp

from dasi.audit import ClientInfo, record_own_audit
from dasi.auth_limits import limit_failures, limits_of_user
from dasi.authentication import second_factor_store
from dasi.authentication.session_store import Session
from dasi.authentication.sign_in import (
    SignInResult,
    check_password,
    complete_session,
    end_other_sessions,
)
from dasi.engine import Engine
from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Conflict, NotAuthenticated
from dasi.foundation.vault import EncryptedColumn
from dasi.users import Role, User

STEP_S = 30
_DRIFT_STEPS = 1
"""A device's clock may differ by this many steps."""


async def begin_second_factor(
    engine: Engine, session: Session, *, password: str, client: ClientInfo
) -> tuple[str, str]:
    """Return a new secret, which is not in force yet, as text and as an `otpauth://` address.

    The password is required, because another person at an open browser must not set up a factor.
    Raise `Conflict("second_factor_on")` while another one is in force, and
    `NotAuthenticated("wrong_password")`.
    """
    user = session.user
    if user.has_totp:
        raise Conflict("second_factor_on")
    await check_password(engine, session, password, client)
    secret = pyotp.random_base32()
    sealed = SEALED_SECOND_FACTORS.seal(engine.vault, secret, user_id=user.user_id)
    await second_factor_store.set_totp_any_merchant(engine.database, user.user_id, sealed)
    await record_own_audit(engine, user, "second_factor_begun", client)
    return secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name="dasi")


async def confirm_second_factor(
    engine: Engine, session: Session, code: str, *, client: ClientInfo
) -> None:
    """Put the secret in force: the code proves that the app has it.

    The first second factor of a user ends their other sessions. Raise
    `NotAuthenticated("wrong_code")`, `Conflict("second_factor_on")`.
    """
    user = session.user
    if user.has_totp:
        raise Conflict("second_factor_on")
    await _use_code(engine, user, code, client)
    await second_factor_store.confirm_totp_any_merchant(
        engine.database, user.user_id, now=engine.clock.now()
    )
    if not user.has_second_factor:
        await end_other_sessions(engine, session)
    await record_own_audit(engine, user, "second_factor_on", client)


async def verify_totp(
    engine: Engine, session: Session, code: str, *, client: ClientInfo
) -> SignInResult:
    """Complete a sign-in by a code, and return the new session.

    Raise `NotAuthenticated("wrong_code")`.
    """
    if not session.user.has_totp:  # an unconfirmed secret completes no sign-in
        raise NotAuthenticated("wrong_code")
    await _use_code(engine, session.user, code, client)
    return await complete_session(engine, session, client=client)


async def end_second_factor(
    engine: Engine, session: Session, *, password: str, client: ClientInfo
) -> None:
    """Remove the authenticator app. Raise `NotAuthenticated("wrong_password")`."""
    await check_password(engine, session, password, client)
    await second_factor_store.set_totp_any_merchant(engine.database, session.user.user_id, None)
    await record_own_audit(engine, session.user, "second_factor_off", client)


async def _use_code(engine: Engine, user: User, code: str, client: ClientInfo) -> None:
    limits = await limits_of_user(engine, "code", user.email, client)
    async with limit_failures(engine, limits):
        sealed = await second_factor_store.sealed_totp_any_merchant(engine.database, user.user_id)
        if sealed is None:
            await record_own_audit(engine, user, "second_factor_failed", client, detail="no app")
            raise NotAuthenticated("wrong_code")
        if not await _use_step(engine, user, sealed, code):
            await record_own_audit(
                engine, user, "second_factor_failed", client, detail="wrong code"
            )
            raise NotAuthenticated("wrong_code")


async def _use_step(engine: Engine, user: User, sealed: bytes, code: str) -> bool:
    """Use the time step of a code. Return False if the code is wrong or was used."""
    totp = pyotp.TOTP(SEALED_SECOND_FACTORS.open(engine.vault, sealed, user_id=user.user_id))
    now_step = epoch_s(engine.clock.now()) // STEP_S
    digits = code.replace(" ", "").encode()
    for step in range(now_step - _DRIFT_STEPS, now_step + _DRIFT_STEPS + 1):
        is_right = hmac.compare_digest(totp.generate_otp(step).encode(), digits)
        if is_right and await second_factor_store.use_totp_step_any_merchant(
            engine.database, user.user_id, step
        ):
            return True
    return False


async def mfa_roles(engine: Engine, merchant_id: int) -> set[Role]:
    """Return the roles that may view this merchant only with a second factor.

    `User.must_enroll_mfa` says when the default has effect.
    """
    roles, is_live = await second_factor_store.mfa_policy(engine.database, merchant_id)
    if roles is None:
        return {Role.OWNER, Role.ADMIN} if is_live or engine.is_exposed else set()
    return roles


async def set_mfa_policy(engine: Engine, merchant_id: int, roles: Collection[Role]) -> None:
    """Require a second factor of these roles, with effect from their users' next request."""
    await second_factor_store.put_mfa_policy(engine.database, merchant_id, roles)


SEALED_SECOND_FACTORS = EncryptedColumn(
    title="second factors",
    table="users",
    key=("user_id",),
    column="sealed_totp",
    bound_to=("user_id",),
)

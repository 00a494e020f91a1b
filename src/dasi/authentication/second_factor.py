"""The second factor by an authenticator app: a code (TOTP, 30 seconds, 6 digits).

A code opens one session: its step is written down with it and no earlier one is taken again.
"""

import hmac

import pyotp

from dasi.audit import Origin, log_own_act
from dasi.authentication import session_store
from dasi.authentication.session import Session
from dasi.authentication.sign_in import complete_session
from dasi.engine import Engine
from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Conflict, NotAuthenticated
from dasi.foundation.reencrypt import EncryptedColumn
from dasi.users import Person, rate_limit_store, refuse_many_tries, user_store

STEP_S = 30
_DRIFT = 1
"""Steps a clock may be off, either way."""


async def begin_second_factor(
    engine: Engine, session: Session, *, origin: Origin
) -> tuple[str, str]:
    """A new secret, not yet in force: (for typing, as an `otpauth://` address).

    `Conflict("second_factor_on")` while one is in force.
    """
    person = session.person
    if person.has_totp:
        raise Conflict("second_factor_on")
    secret = pyotp.random_base32()
    sealed = engine.vault.seal(secret, associated_data=_associated_data(person.person_id))
    await user_store.set_totp_any_merchant(engine.database, person.person_id, sealed)
    await log_own_act(engine, person, "second_factor_begun", origin)
    return secret, pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name="dasi")


async def confirm_second_factor(
    engine: Engine, session: Session, code: str, *, origin: Origin
) -> None:
    """Puts it in force once a code shows that the app has it. The first second factor somebody has
    ends their other sessions.

    `NotAuthenticated("wrong_code")`, `Conflict("second_factor_on")`.
    """
    person = session.person
    if person.has_totp:
        raise Conflict("second_factor_on")
    await _use_code(engine, person, code, origin)
    await user_store.confirm_totp_any_merchant(
        engine.database, person.person_id, now=engine.clock.now()
    )
    if not person.has_second_factor:
        await session_store.delete_sessions_any_merchant(
            engine.database, person.person_id, but=session.session_hash
        )
    await log_own_act(engine, person, "second_factor_on", origin)


async def give_second_factor(engine: Engine, session: Session, code: str, *, origin: Origin) -> str:
    """Completes a sign-in; the new session's cookie. `NotAuthenticated("wrong_code")`."""
    if not session.person.has_totp:  # one that was begun and never confirmed opens nothing
        raise NotAuthenticated("wrong_code")
    await _use_code(engine, session.person, code, origin)
    return await complete_session(engine, session, origin=origin)


async def end_second_factor(engine: Engine, session: Session, code: str, *, origin: Origin) -> None:
    """Switches it off, by a code. `NotAuthenticated("wrong_code")`."""
    await _use_code(engine, session.person, code, origin)
    await user_store.set_totp_any_merchant(engine.database, session.person.person_id, None)
    await log_own_act(engine, session.person, "second_factor_off", origin)


async def _use_code(engine: Engine, person: Person, code: str, origin: Origin) -> None:
    subject = await refuse_many_tries(engine, f"code of {person.email}", origin)
    sealed = await user_store.sealed_totp_any_merchant(engine.database, person.person_id)
    if sealed is None:
        await log_own_act(engine, person, "second_factor_failed", origin, detail="no app")
        raise NotAuthenticated("wrong_code")
    totp = pyotp.TOTP(engine.vault.open(sealed, associated_data=_associated_data(person.person_id)))
    now_step = epoch_s(engine.clock.now()) // STEP_S
    given = code.replace(" ", "").encode()
    for step in range(now_step - _DRIFT, now_step + _DRIFT + 1):
        is_right = hmac.compare_digest(totp.generate_otp(step).encode(), given)
        if is_right and await user_store.use_totp_step_any_merchant(
            engine.database, person.person_id, step
        ):
            await rate_limit_store.forget_tries_any_merchant(engine.database, [subject])
            return
    await log_own_act(engine, person, "second_factor_failed", origin, detail="wrong code")
    raise NotAuthenticated("wrong_code")


def _associated_data(person_id: int) -> str:
    """Moved to another person's row the secret does not open."""
    return f"second factor of person {person_id}"


SEALED_SECOND_FACTORS = EncryptedColumn(
    what="second factors",
    table="people",
    key=("person_id",),
    column="sealed_totp",
    associated_data=lambda row: _associated_data(row["person_id"]),
)

"""Check, hash and verify passwords (Argon2id; A3).

A new password has at least 12 characters. `zxcvbn` estimates the guesses that it takes, from lists
of common passwords, words and names and from patterns. NIST SP 800-63B-4, 3.1.1.2, asks for a
blocklist and a length, and for no rules about kinds of characters.
"""

import asyncio
import unicodedata
from collections.abc import Collection, Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dasi.auth_limits import Limit, forget_devices, limit_failures
from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Invalid, NotAuthenticated
from dasi.merchants import list_merchants
from dasi.users import user_store
from dasi.users.user import User

PASSWORD_MIN, PASSWORD_MAX = 12, 200
_GUESSES_LOG10_MIN = 8
"""zxcvbn's score 3: safe against guessing offline when the hash is slow."""
_ESTIMATED_MAX = 72
"""zxcvbn's limit. Its time grows with the length."""
_PERSONAL_MIN = 4
_hasher = PasswordHasher()  # Argon2id with the library's own, current costs
# Verified for an unknown email, so that the response time does not reveal which emails exist.
_UNKNOWN_USER_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA"
    "$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
)


async def hash_new_password(
    engine: Engine, password: str, *, email: str, name: str, merchant_ids: Collection[int] | None
) -> str:
    """Check a new password and return its hash.

    It must not hold the email, the name or the name of one of the user's merchants (`None`: all).
    Raise `Invalid` with the broken rule. The check and the hash take about 200 ms, so they run in a
    thread and block no other request.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Invalid("password", "length_between", minimum=PASSWORD_MIN, maximum=PASSWORD_MAX)
    personal = _parts(email) | {_plain(name)}
    for merchant in await list_merchants(engine):
        if merchant_ids is None or merchant.merchant_id in merchant_ids:
            personal |= {_plain(merchant.name), _plain(merchant.code)}
    if any(len(text) >= _PERSONAL_MIN and text in _plain(password) for text in personal):
        raise Invalid("password", "password_personal")
    if await asyncio.to_thread(_guesses_log10, password, personal) < _GUESSES_LOG10_MIN:
        raise Invalid("password", "password_guessable")
    return await asyncio.to_thread(_hasher.hash, password)


def _parts(email: str) -> set[str]:
    """Return the email, what is before the `@`, and the labels of the host but the last."""
    local_part, _, host = email.partition("@")
    return {_plain(email), _plain(local_part), *map(_plain, host.split(".")[:-1])}


def _plain(text: str) -> str:
    """Return the text as it is compared: without case, blanks and marks."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _guesses_log10(password: str, personal: Collection[str]) -> float:
    from zxcvbn import zxcvbn  # noqa: PLC0415  # it loads 90,000 words, for new passwords only

    estimate = zxcvbn(password[:_ESTIMATED_MAX], user_inputs=["dasi", *personal])
    return float(estimate["guesses_log10"])


async def is_password(password: str, expected_hash: str | None) -> bool:
    """Return whether the password has this hash. `None` takes as long and is always False."""
    if len(password) > PASSWORD_MAX:
        return False
    is_right = await asyncio.to_thread(_verify, expected_hash or _UNKNOWN_USER_HASH, password)
    return is_right and expected_hash is not None


def _verify(expected_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(expected_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def verify_password(
    engine: Engine, email: str, password: str, *, limits: Sequence[Limit]
) -> User:
    """Return the user of this email and password.

    Raise `NotAuthenticated("wrong_password")`, or `NotAllowed` if a limit is reached.
    """
    async with limit_failures(engine, limits):
        row = await user_store.user_by_email_any_merchant(engine.database, email)
        if not await is_password(password, row[1] if row else None) or row is None:
            raise NotAuthenticated("wrong_password")
        return row[0]


async def set_password(engine: Engine, user: User, password: str) -> None:
    """Set a user's password. Raise `Invalid`."""
    password_hash = await hash_new_password(
        engine, password, email=user.email, name=user.name, merchant_ids=user.merchant_ids
    )
    await user_store.set_password_any_merchant(engine.database, user.user_id, password_hash)


async def find_user_by_email(engine: Engine, email: str) -> User | None:
    """Return the user of this email; None if there is none or the user is disabled."""
    row = await user_store.user_by_email_any_merchant(engine.database, email)
    return None if row is None else row[0]


async def reset_user(
    connection: Connection, user_id: int, *, password_hash: str, ends_second_factor: bool
) -> None:
    """Set the password, end every session, forget every device.

    `ends_second_factor` removes the authenticator app and the passkeys, too.
    """
    await user_store.reset_user_any_merchant(
        connection,
        user_id,
        password_hash=password_hash,
        ends_second_factor=ends_second_factor,
    )
    await forget_devices(connection, user_id, but=None)

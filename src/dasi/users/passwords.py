"""Hash and verify passwords (Argon2id; A3)."""

import asyncio
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dasi.auth_limits import Limit, limit_failures
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotAuthenticated
from dasi.users import user_store
from dasi.users.user import User

PASSWORD_MIN, PASSWORD_MAX = 10, 200
_hasher = PasswordHasher()  # Argon2id with the library's own, current costs
# Verified for an unknown email, so that the response time does not reveal which emails exist.
_UNKNOWN_USER_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA"
    "$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
)


async def hash_password(password: str) -> str:
    """Return the hash of a password. Raise `Invalid` if its length is not allowed.

    The hash takes about 200 ms, so it runs in a thread and blocks no other request.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Invalid("password", "length_between", minimum=PASSWORD_MIN, maximum=PASSWORD_MAX)
    return await asyncio.to_thread(_hasher.hash, password)


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
    await user_store.set_password_any_merchant(
        engine.database, user.user_id, await hash_password(password)
    )

"""Passwords: Argon2id, in a thread, so that 200 ms of work stop nobody else's request (A3)."""

import asyncio
import hashlib

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dasi.foundation.errors import Invalid

PASSWORD_MIN, PASSWORD_MAX = 10, 200
_hasher = PasswordHasher()  # Argon2id with the library's own, current costs
# Checked when nobody has the email, so that the time of an answer does not tell who exists.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA"
    "$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
)


async def hash_password(password: str) -> str:
    """`Invalid` names the rule."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Invalid("password", "length_between", minimum=PASSWORD_MIN, maximum=PASSWORD_MAX)
    return await asyncio.to_thread(_hasher.hash, password)


async def is_password(given: str, expected_hash: str | None) -> bool:
    """Takes as long for nobody (`None`) as for somebody."""
    if len(given) > PASSWORD_MAX:
        return False
    is_right = await asyncio.to_thread(_verify, expected_hash or _NOBODY, given)
    return is_right and expected_hash is not None


def _verify(expected_hash: str, given: str) -> bool:
    try:
        return _hasher.verify(expected_hash, given)
    except (VerificationError, InvalidHashError):
        return False


def hash_of(secret: str) -> bytes:
    """How a random secret of ours is kept; 160 bits need no salt."""
    return hashlib.sha256(secret.encode()).digest()

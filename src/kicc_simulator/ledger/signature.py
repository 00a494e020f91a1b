"""KICC's message authentication (§3): HMAC-SHA256, parts joined by ``|``, lower-case hex."""

import hmac


def sign(key: str, *parts: str | int) -> str:
    """The ``msgAuthValue`` over ``parts`` with the mall's secret key."""
    message = "|".join(str(part) for part in parts)
    return hmac.digest(key.encode(), message.encode(), "sha256").hex()


def is_signed(value: str, key: str, *parts: str | int) -> bool:
    """Whether ``value`` is exactly the signature, compared in constant time."""
    return hmac.compare_digest(value.encode(), sign(key, *parts).encode())

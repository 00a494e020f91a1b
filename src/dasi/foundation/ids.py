"""New identifiers: sortable by time where they are stored, unguessable where they grant access."""

import hashlib
import secrets
from datetime import datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]


def ulid(moment: datetime) -> str:
    """Return 26 characters, 48 bits of milliseconds then 80 random bits; sorts by time."""
    number = (int(moment.timestamp() * 1000) << 80) | secrets.randbits(80)
    # Ten bits at a time: 130 bits are 13 pairs of characters.
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -10, -10)])


def token(bytes_of_randomness: int = 20) -> str:
    """Return lower-case hex, two characters a byte, for values that must not be guessed."""
    return secrets.token_hex(bytes_of_randomness)


def token_hash(secret: str) -> bytes:
    """Return the SHA-256 of a token, for storage. A token's 160 random bits need no salt."""
    return hashlib.sha256(secret.encode()).digest()

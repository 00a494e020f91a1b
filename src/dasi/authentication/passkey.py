"""The passkey: a key pair in somebody's telephone, computer or security key, for this host alone.

It stands beside the authenticator app as a second factor: either one completes a sign-in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

PASSKEYS_MAX = 10
PASSKEY_NAME_MAX = 60
CHALLENGE_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Passkey:
    """As its owner's list shows it."""

    passkey_id: int
    name: str
    added_at: datetime
    used_at: datetime | None

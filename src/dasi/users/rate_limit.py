"""How often a secret may be guessed: by whose it is, and by the address it comes from."""

from datetime import timedelta

from dasi.audit import ClientInfo
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed
from dasi.users import rate_limit_store

ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_EMAIL_MAX = 8
ATTEMPTS_PER_ADDRESS_MAX = 40


async def check_rate_limit(engine: Engine, subject: str, client: ClientInfo) -> str:
    """Counts an attempt by subject and by address, and refuses when there were too many."""
    now = engine.clock.now()
    by_address = f"address {client.address}"
    counted = await rate_limit_store.count_attempt_any_merchant(
        engine.database, [subject, by_address], now=now, since=now - ATTEMPT_WINDOW
    )
    if (
        counted.get(subject, 0) >= ATTEMPTS_PER_EMAIL_MAX
        or counted.get(by_address, 0) >= ATTEMPTS_PER_ADDRESS_MAX
    ):
        raise NotAllowed("too_many_attempts", minutes=ATTEMPT_WINDOW // timedelta(minutes=1))
    return subject

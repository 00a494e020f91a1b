"""How often a secret may be guessed: by whose it is, and by the address it comes from."""

from datetime import timedelta

from dasi.audit import Origin
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed
from dasi.users import rate_limit_store

TRIES_COUNT_FOR = timedelta(minutes=15)
TRIES_PER_EMAIL_MAX = 8
TRIES_PER_ADDRESS_MAX = 40


async def refuse_many_tries(engine: Engine, subject: str, origin: Origin) -> str:
    """Counts a try by subject and by address, and refuses when there were too many."""
    now = engine.clock.now()
    by_address = f"address {origin.address}"
    counted = await rate_limit_store.count_try_any_merchant(
        engine.database, [subject, by_address], now=now, since=now - TRIES_COUNT_FOR
    )
    if (
        counted.get(subject, 0) >= TRIES_PER_EMAIL_MAX
        or counted.get(by_address, 0) >= TRIES_PER_ADDRESS_MAX
    ):
        raise NotAllowed("too_many_tries", minutes=TRIES_COUNT_FOR // timedelta(minutes=1))
    return subject

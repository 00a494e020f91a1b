"""Rate limit: how often a password, a code or a link may be guessed (A3).

Attempts count by subject (whose secret it is) and by the address that they come from.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from dasi.audit import ClientInfo
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed
from dasi.users import user_store

ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_SUBJECT_MAX = 8
ATTEMPTS_PER_ADDRESS_MAX = 40


@asynccontextmanager
async def limit_attempts(engine: Engine, subject: str, client: ClientInfo) -> AsyncIterator[None]:
    """Count the body as an attempt; clear the count of the subject if the body raises nothing.

    Raise `NotAllowed("too_many_attempts")` if the subject or the address failed too often.
    """
    await count_attempt(engine, subject, client)
    yield
    await user_store.clear_attempts_any_merchant(engine.database, [subject])


async def count_attempt(engine: Engine, subject: str, client: ClientInfo) -> None:
    """Count an attempt by subject and by address. Raise `NotAllowed("too_many_attempts")`."""
    now = engine.clock.now()
    by_address = f"address {client.address}"
    counts = await user_store.count_attempt_any_merchant(
        engine.database, [subject, by_address], now=now, since=now - ATTEMPT_WINDOW
    )
    if (
        counts.get(subject, 0) >= ATTEMPTS_PER_SUBJECT_MAX
        or counts.get(by_address, 0) >= ATTEMPTS_PER_ADDRESS_MAX
    ):
        raise NotAllowed("too_many_attempts", minutes=ATTEMPT_WINDOW // timedelta(minutes=1))

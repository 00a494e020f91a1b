"""Receivers: the servers merchants are told at, by host and port. Those that fail pause by
themselves; a person may hold deliveries back, and let them go again."""

import re

from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotFound
from dasi.webhooks import endpoint_store
from dasi.webhooks.endpoint_store import FailingReceiver

_NAME = re.compile(r"[!-~]{1,2000}")


async def failing_receivers(engine: Engine, merchant_id: int) -> list[FailingReceiver]:
    """Receivers that fail or are held back now, those longest first."""
    return await endpoint_store.failing_receivers(engine.database, merchant_id)


async def pause_receiver(engine: Engine, merchant_id: int, receiver: str) -> str:
    """Nothing more goes to a receiver (host and port, or a URL there) until it is resumed.

    What is due waits and spends no try; what is being sent just now ends. Returns the receiver as
    it is listed. `Invalid`.
    """
    if not _NAME.fullmatch(receiver):
        raise Invalid("receiver", "a host, with its port if it has one, or a URL there")
    return await endpoint_store.hold(engine.database, merchant_id, receiver, now=engine.clock.now())


async def resume_receiver(engine: Engine, merchant_id: int, receiver: str) -> None:
    """Ends the pause of a receiver, by whomever, or takes back that it is gone.

    What waits goes out now, in order; what was parked stays parked (`replay_events`).
    `NotFound("unknown_receiver")` for one that is neither paused nor failing.
    """
    if not await endpoint_store.resume(engine.database, merchant_id, receiver):
        raise NotFound("unknown_receiver", receiver=receiver[:200])


async def park_for_gone(engine: Engine) -> int:
    """Parks what came in since for receivers that answered 410. For the worker."""
    return await endpoint_store.park_for_gone_any_merchant(engine.database, now=engine.clock.now())

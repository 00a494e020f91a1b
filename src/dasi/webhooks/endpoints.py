"""Endpoints: the servers merchants are told at, by host and port. Those that fail back off by
themselves; a user may pause and resume deliveries."""

import re

from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotFound
from dasi.webhooks import endpoint_store
from dasi.webhooks.endpoint_store import FailingEndpoint

_NAME = re.compile(r"[!-~]{1,2000}")


async def failing_endpoints(engine: Engine, merchant_id: int) -> list[FailingEndpoint]:
    """Endpoints that fail or are paused now, those longest first."""
    return await endpoint_store.failing_endpoints(engine.database, merchant_id)


async def pause_endpoint(engine: Engine, merchant_id: int, endpoint: str) -> str:
    """Nothing more goes to an endpoint (host and port, or a URL there) until it is resumed.

    What is due waits and spends no attempt; what is being sent just now ends. Returns the name of
    the endpoint. `Invalid`.
    """
    if not _NAME.fullmatch(endpoint):
        raise Invalid("endpoint", "endpoint_name")
    return await endpoint_store.pause(
        engine.database, merchant_id, endpoint, now=engine.clock.now()
    )


async def resume_endpoint(engine: Engine, merchant_id: int, endpoint: str) -> None:
    """Ends the pause of an endpoint, by whomever, or enables it again.

    What waits goes out now, in order; what has failed stays failed (`replay_events`).
    `NotFound("unknown_endpoint")` for one that is neither paused nor failing.
    """
    if not await endpoint_store.resume(engine.database, merchant_id, endpoint):
        raise NotFound("unknown_endpoint", endpoint=endpoint[:200])


async def fail_for_disabled(engine: Engine) -> int:
    """Fails what came in since for endpoints that answered 410. For the worker."""
    return await endpoint_store.fail_for_disabled_any_merchant(
        engine.database, now=engine.clock.now()
    )

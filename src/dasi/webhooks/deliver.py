"""Deliver: claim what is due, POST it, record what came of it.

Steps: Due -> Claimed -> Answered -> Recorded. At least once: a worker that dies after the POST and
before the record is followed by another POST of the same event id.
"""

import asyncio
import json
import random
from datetime import datetime, timedelta
from urllib.parse import urlencode

import aiohttp
import structlog

from dasi.engine import Engine
from dasi.foundation.db import assert_no_transaction
from dasi.webhooks import store
from dasi.webhooks.safe_url import PublicResolver, check_literal

log = structlog.get_logger()

# Waits between tries: 76 h in all, so a receiver may be away for a long weekend.
PLAN = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, *[14_400] * 4, *[21_600] * 8)
)
BATCH = 50
_LEASE = timedelta(seconds=90)
_CONNECT_S, _ANSWER_S = 10, 30
_ANSWER_MAX_BYTES = 64 * 1024
_OK_BELOW = 500  # As Iamport: any answer below 500 ends the job.


class Deliverer:
    """Posts webhooks. One per worker; holds the HTTP pool."""

    def __init__(self, engine: Engine, *, allow_local: bool) -> None:
        self._engine = engine
        self._allow_local = allow_local
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=100,
                limit_per_host=10,
                resolver=None if allow_local else PublicResolver(),
                use_dns_cache=allow_local,
            ),
            timeout=aiohttp.ClientTimeout(
                total=_CONNECT_S + _ANSWER_S, sock_connect=_CONNECT_S, sock_read=_ANSWER_S
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def run_due(self) -> int:
        """Delivers one batch of what is due now; returns how many were tried."""
        now = self._engine.clock.now()
        claimed = await store.claim_due_any_merchant(
            self._engine.database, now=now, leased_until=now + _LEASE, batch=BATCH
        )
        await asyncio.gather(*(self._deliver(one) for one in claimed))
        return len(claimed)

    async def close(self) -> None:
        await self._session.close()

    async def _deliver(self, delivery: store.ClaimedDelivery) -> None:
        is_taken, answer = await self._post(delivery)
        now = self._engine.clock.now()
        state, next_try_at = _what_next(delivery.tries, is_taken=is_taken, now=now)
        log.info(
            "webhook_tried",
            delivery_id=delivery.delivery_id,
            url=delivery.url,
            answer=answer,
            state=state,
        )
        await store.record_try(
            self._engine.database,
            delivery.merchant_id,
            delivery.delivery_id,
            state=state,
            answer=answer,
            next_try_at=next_try_at,
            now=now,
        )

    async def _post(self, delivery: store.ClaimedDelivery) -> tuple[bool, str]:
        """(was it taken, what the receiver said), whatever the network does."""
        assert_no_transaction()
        if delivery.content_type == "json":
            body, content_type = json.dumps(delivery.body, ensure_ascii=False), "application/json"
        else:
            body, content_type = urlencode(delivery.body), "application/x-www-form-urlencoded"
        headers = {
            "content-type": content_type,
            "user-agent": "dasi-webhook",
            "webhook-id": delivery.event_id,
        }
        try:
            if not self._allow_local:
                check_literal(delivery.url)
            async with self._session.post(
                delivery.url, data=body.encode(), headers=headers, allow_redirects=False
            ) as answer:
                await answer.content.read(_ANSWER_MAX_BYTES)
                return answer.status < _OK_BELOW, f"HTTP {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as failure:
            return False, f"{type(failure).__name__}: {failure}"[:500]


def _what_next(
    tries_before: int, *, is_taken: bool, now: datetime
) -> tuple[store.DeliveryState, datetime]:
    if is_taken:
        return "delivered", now
    if tries_before >= len(PLAN):
        return "parked", now
    # Up to a tenth more, so that receivers coming back are not met by everybody at once.
    return "due", now + PLAN[tries_before] * random.uniform(1.0, 1.1)  # noqa: S311 - no secret

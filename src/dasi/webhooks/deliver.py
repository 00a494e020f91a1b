"""Deliver webhooks: claim due deliveries, POST each, record the attempt.

Delivery is at least once. If a worker dies between the POST and its record, another worker POSTs
the same event id again.

Each URL of a merchant has a few slots of its own. A delivery that finds none waits for a moment
and is then released, and nothing more is claimed for that URL meanwhile. A slow endpoint therefore
does not delay the deliveries to others, and no merchant takes the slots of all.
"""

import asyncio
import collections
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias
from weakref import WeakValueDictionary

import structlog
from aiohttp.abc import AbstractResolver
from prometheus_client import Counter

from dasi.engine import Engine
from dasi.foundation.worker_pool import WorkerPool
from dasi.request_ids import begin_work
from dasi.webhooks import delivery_store, endpoints
from dasi.webhooks.delivery_store import ClaimedDelivery
from dasi.webhooks.http_client import ANSWER_S, CONNECT_S, WebhookClient, encode_body
from dasi.webhooks.retry_policy import (
    RETRY_SCHEDULE,
    DeliveryDecision,
    HttpResult,
    RetrySchedule,
    evaluate_response,
)
from dasi.webhooks.signing import SigningSecret, signature_headers, signing_secrets_of

log = structlog.get_logger()

BATCH = 50
MAX_CONCURRENT = 256
PER_ENDPOINT = 8
PER_MERCHANT = 96
FAILURE_THRESHOLD, FAILURE_WINDOW_S = 20, 300
_SLOT_TIMEOUT_S = 20
_LEASE = timedelta(seconds=90)  # longer than a wait for a slot, a connection and a response
_ATTEMPTS = Counter("dasi_webhook_attempts_total", "POSTs of webhooks, by result", ["result"])
_WITHHELD = HttpResult(
    None, "not sent: test events of a live merchant go to its test webhook URL only", None, 0
)
_BACKOFFS = Counter("dasi_webhook_endpoint_backoffs_total", "Back-offs from endpoints that fail")


SignableDelivery: TypeAlias = tuple[ClaimedDelivery, Sequence[SigningSecret]]
"""A delivery and the secrets that sign it."""
EndpointKey: TypeAlias = tuple[int, str]
"""A merchant and its URL."""


class Deliverer(WorkerPool[SignableDelivery, EndpointKey]):
    """POSTs webhooks. One per worker; its options are those of `WebhookClient`."""

    def __init__(
        self,
        engine: Engine,
        *,
        allow_local: bool,
        retry_schedule: RetrySchedule = RETRY_SCHEDULE,
        resolver: AbstractResolver | None = None,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        super().__init__(max_concurrent=MAX_CONCURRENT)
        self._engine = engine
        self._retry_schedule = retry_schedule
        self._client = WebhookClient(
            allow_local=allow_local,
            max_concurrent=MAX_CONCURRENT,
            resolver=resolver,
            connect_s=connect_s,
            answer_s=answer_s,
        )
        if engine.tracing is not None:
            self._client = engine.tracing.trace_webhooks(self._client)
        # A slot per concurrent POST to an endpoint; an endpoint without deliveries needs none.
        self._slots: WeakValueDictionary[EndpointKey, asyncio.Semaphore] = WeakValueDictionary()

    async def close(self) -> None:
        """Wait for the POSTs in flight, so that each attempt is recorded, and close the client."""
        await super().close()
        await self._client.close()

    async def claim_due(self, *, only_merchant_id: int | None) -> list[SignableDelivery]:
        """Claim due deliveries, each with the secrets that sign it."""
        if self.free_slots <= 0:
            return []
        now = self._engine.clock.now()
        deliveries = await delivery_store.claim_due_any_merchant(
            self._engine.database,
            now=now,
            leased_until=now + _LEASE,
            batch=min(self.free_slots, BATCH),
            busy=[endpoint for endpoint, count in self.in_flight.items() if count >= PER_ENDPOINT],
            busy_merchants=self._busy_merchants(),
            only_merchant_id=only_merchant_id,
        )
        if not deliveries:
            return []
        merchant_ids = {delivery.merchant_id for delivery in deliveries}
        secrets = await signing_secrets_of(self._engine, merchant_ids)
        return [(delivery, secrets[delivery.merchant_id]) for delivery in deliveries]

    def group_of(self, item: SignableDelivery) -> EndpointKey:
        return item[0].merchant_id, item[0].url

    def _busy_merchants(self) -> list[int]:
        per_merchant = collections.Counter[int]()
        for (merchant_id, _), count in self.in_flight.items():
            per_merchant[merchant_id] += count
        return [merchant_id for merchant_id, count in per_merchant.items() if count >= PER_MERCHANT]

    async def process(self, item: SignableDelivery) -> None:
        """POST one delivery as soon as its endpoint has a free slot, and record the attempt."""
        begin_work()
        delivery, secrets = item
        slot = self._slots.setdefault(self.group_of(item), asyncio.Semaphore(PER_ENDPOINT))
        try:
            async with asyncio.timeout(_SLOT_TIMEOUT_S):
                await slot.acquire()
        except TimeoutError:
            await delivery_store.release(
                self._engine.database, delivery.merchant_id, delivery.delivery_id
            )
            return
        try:
            await self._attempt_once(delivery, secrets)
        except Exception:
            # A failed write must not end the worker: the lease expires and the POST is repeated.
            log.exception("webhook_not_recorded", delivery_id=delivery.delivery_id)
        finally:
            slot.release()

    async def _attempt_once(
        self, delivery: ClaimedDelivery, secrets: Sequence[SigningSecret]
    ) -> None:
        began_at = self._engine.clock.now()
        body, headers = encode_body(delivery.body, delivery.content_type)
        if delivery.is_withheld:
            await delivery_store.record_attempt(
                self._engine.database,
                delivery,
                request=body,
                response=_WITHHELD,
                decision=DeliveryDecision(
                    "failed", began_at, has_responded=False, endpoint="healthy"
                ),
                began_at=began_at,
                now=began_at,
            )
            return
        signature = signature_headers(
            secrets, event_id=delivery.event_id, body=body.encode(), at=began_at
        )
        if delivery.request_id is not None:
            headers = {**headers, "x-request-id": delivery.request_id}
        response = await self._client.post(
            delivery.url,
            body.encode(),
            {**headers, **signature},
            is_live_merchant=delivery.is_live_merchant,
            now=began_at,
        )
        now = self._engine.clock.now()
        decision = evaluate_response(
            response, self._retry_schedule, attempts_before=delivery.cycle_attempts, now=now
        )
        # The endpoint comes first: a delivery recorded before its endpoint is disabled would be
        # sent again if the worker died in between.
        await self._record_endpoint_result(delivery, decision, now)
        await delivery_store.record_attempt(
            self._engine.database,
            delivery,
            request=body,
            response=response,
            decision=decision,
            began_at=began_at,
            now=now,
        )
        result = decision.state if decision.state != "pending" else "retry"
        _ATTEMPTS.labels(result).inc()
        log.info(
            "webhook_attempted",
            delivery_id=delivery.delivery_id,
            url=delivery.url,
            # What a merchant's server writes may name a buyer, so its body stays out of the log.
            answer=f"HTTP {response.http_status}" if response.http_status else response.text,
            result=result,
            took_ms=response.took_ms,
        )

    async def _record_endpoint_result(
        self, delivery: ClaimedDelivery, decision: DeliveryDecision, now: datetime
    ) -> None:
        endpoint = (self._engine.database, delivery.merchant_id, delivery.url)
        match decision.endpoint:
            case "healthy":
                waiting = await endpoints.forget_failures(*endpoint, now=now)
                if waiting is not None:
                    log.info("webhook_endpoint_healthy", url=delivery.url, waiting=waiting)
            case "disabled":
                await endpoints.disable(*endpoint, now=now)
                log.warning("webhook_endpoint_disabled", url=delivery.url)
            case "failing":
                backoff_until = await endpoints.count_failure(
                    *endpoint,
                    failure_threshold=FAILURE_THRESHOLD,
                    failure_window_s=FAILURE_WINDOW_S,
                    now=now,
                )
                if backoff_until is not None:
                    _BACKOFFS.inc()
                    log.warning(
                        "webhook_endpoint_backoff",
                        url=delivery.url,
                        until=backoff_until.isoformat(),
                    )

"""Deliver: claim what is due, POST it, record what came of it.

Steps: Due -> Claimed -> Signed -> Answered -> Recorded. At least once: a worker that dies after the
POST and before the record is followed by another POST of the same event id.

Each receiver (host and port) has a few places of its own. Deliveries that find none wait there for
a moment and are then given back, and nothing more is claimed for that receiver meanwhile: however
slow it is, the others do not notice.
"""

import asyncio
from collections import Counter as CountOf
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from aiohttp.abc import AbstractResolver
from prometheus_client import Counter

from dasi.engine import Engine
from dasi.webhooks import delivery_store, endpoint_store
from dasi.webhooks.delivery_store import ClaimedDelivery
from dasi.webhooks.encode import written
from dasi.webhooks.http_client import ANSWER_S, CONNECT_S, Poster
from dasi.webhooks.retry_policy import PLAN, Plan, Verdict, what_follows
from dasi.webhooks.signing import SigningSecret, secrets_of, signature_headers

log = structlog.get_logger()

BATCH = 50
AT_ONCE = 256
PER_RECEIVER = 8
PATIENCE_FAILURES, PATIENCE_S = 20, 300
_WAIT_FOR_PLACE_S = 20
_LEASE = timedelta(seconds=90)  # a wait for a place, a connection and an answer fit in
_POLL_INTERVAL_S = 0.25
_TRIES = Counter("dasi_webhook_tries_total", "POSTs of webhooks, by what came of them", ["outcome"])
_PAUSES = Counter("dasi_webhook_pauses_total", "Pauses of receivers that fail")


class Deliverer:
    """Posts webhooks. One per worker; its options are those of `Poster`."""

    def __init__(
        self,
        engine: Engine,
        *,
        allow_local: bool,
        plan: Plan = PLAN,
        resolver: AbstractResolver | None = None,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._poster = Poster(
            allow_local=allow_local,
            max_concurrent=AT_ONCE,
            resolver=resolver,
            connect_s=connect_s,
            answer_s=answer_s,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: dict[str, asyncio.Semaphore] = {}
        self._claimed: CountOf[str] = CountOf()
        """Deliveries in hand by receiver: under way, or waiting for a place."""

    async def poll(self) -> int:
        """Starts what is due and has room; returns how many, or 1 when something ended."""
        had_some = bool(self._tasks)
        started = await self._start(None)
        if started:
            return len(started)
        if not self._tasks:
            # What ended while we looked may have held back others of its receiver: look again.
            return int(had_some)
        ended, _ = await asyncio.wait(
            self._tasks, timeout=_POLL_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
        )
        return min(len(ended), 1)

    async def run_due(self, *, only_merchant_id: int | None = None) -> int:
        """Delivers one batch of what is due now and waits for it; returns how many were tried."""
        started = await self._start(only_merchant_id)
        await asyncio.gather(*started)
        return len(started)

    async def close(self) -> None:
        """Ends what is under way first: each try is recorded."""
        await asyncio.gather(*self._tasks)
        await self._poster.close()

    async def _start(self, only_merchant_id: int | None) -> list[asyncio.Task[None]]:
        room = AT_ONCE - len(self._tasks)
        if room <= 0:
            return []
        now = self._engine.clock.now()
        claimed = await delivery_store.claim_due_any_merchant(
            self._engine.database,
            now=now,
            leased_until=now + _LEASE,
            batch=min(room, BATCH),
            busy=[name for name, count in self._claimed.items() if count >= PER_RECEIVER],
            only_merchant_id=only_merchant_id,
        )
        if not claimed:
            return []
        secrets = await secrets_of(self._engine, {one.merchant_id for one in claimed})
        return [self._begin(one, secrets[one.merchant_id]) for one in claimed]

    def _begin(
        self, delivery: ClaimedDelivery, secrets: Sequence[SigningSecret]
    ) -> asyncio.Task[None]:
        receiver = delivery.receiver
        self._claimed[receiver] += 1
        place = self._places.setdefault(receiver, asyncio.Semaphore(PER_RECEIVER))
        task = asyncio.create_task(self._deliver(delivery, secrets, place))

        def ended(_task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._claimed[receiver] -= 1
            if self._claimed[receiver] == 0:
                del self._claimed[receiver]
                self._places.pop(receiver, None)

        self._tasks.add(task)
        task.add_done_callback(ended)
        return task

    async def _deliver(
        self,
        delivery: ClaimedDelivery,
        secrets: Sequence[SigningSecret],
        place: asyncio.Semaphore,
    ) -> None:
        try:
            async with asyncio.timeout(_WAIT_FOR_PLACE_S):
                await place.acquire()
        except TimeoutError:
            await delivery_store.release(
                self._engine.database, delivery.merchant_id, delivery.delivery_id
            )
            return
        try:
            await self._try_once(delivery, secrets)
        except Exception:
            # The lease passes on; a record that could not be written must not end the worker.
            log.exception("webhook_not_recorded", delivery_id=delivery.delivery_id)
        finally:
            place.release()

    async def _try_once(self, delivery: ClaimedDelivery, secrets: Sequence[SigningSecret]) -> None:
        began_at = self._engine.clock.now()
        body, headers = written(delivery.body, delivery.content_type)
        signed = signature_headers(
            secrets, event_id=delivery.event_id, body=body.encode(), at=began_at
        )
        answer = await self._poster.post(
            delivery.url,
            body.encode(),
            {**headers, **signed},
            is_live=delivery.is_live,
            now=began_at,
        )
        now = self._engine.clock.now()
        verdict = what_follows(answer, self._plan, tries_before=delivery.round, now=now)
        # First: a delivery parked for a receiver that is not marked gone would wait unseen.
        await self._note_receiver(delivery, verdict, now)
        await delivery_store.record_try(
            self._engine.database,
            delivery,
            request=body,
            answer=answer,
            verdict=verdict,
            began_at=began_at,
            now=now,
        )
        outcome = verdict.state if verdict.state != "due" else "again"
        _TRIES.labels(outcome).inc()
        log.info(
            "webhook_tried",
            delivery_id=delivery.delivery_id,
            url=delivery.url,
            answer=answer.text[:200],
            outcome=outcome,
            took_ms=answer.took_ms,
        )

    async def _note_receiver(
        self, delivery: ClaimedDelivery, verdict: Verdict, now: datetime
    ) -> None:
        whose = (self._engine.database, delivery.merchant_id, delivery.receiver)
        match verdict.receiver:
            case "well":
                if await endpoint_store.forget_failures(*whose):
                    log.info("webhook_receiver_well", receiver=delivery.receiver)
            case "gone":
                await endpoint_store.mark_gone(*whose, now=now)
                log.warning("webhook_receiver_gone", receiver=delivery.receiver)
            case "failing":
                paused_until = await endpoint_store.count_failure(
                    *whose, patience_failures=PATIENCE_FAILURES, patience_s=PATIENCE_S, now=now
                )
                if paused_until is not None:
                    _PAUSES.inc()
                    log.warning(
                        "webhook_receiver_paused",
                        receiver=delivery.receiver,
                        until=paused_until.isoformat(),
                    )

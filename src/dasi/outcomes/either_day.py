"""Send a request again with the other day when the PG refuses its day.

The PG's day begins when the PG's clock says so. Around midnight, and with a clock that is off, ours
is another one. A refusal for the date charged nothing, and it says nothing about the card. So the
request is sent once more with the other day: as an attempt of its own, with its own name (M4) and
written before it is sent (M2).
"""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import TypeVar

import structlog

from dasi.engine import Engine
from dasi.foundation.clock import KST, kst_day
from dasi.foundation.postgres import take_long_wait
from dasi.ledger import attempt_store, payment_store, reserve_store
from dasi.payment_events import AttemptFacts, new_event
from dasi.providers.port import WRONG_DAY, Attempt, Declined, NotSent

log = structlog.get_logger()
Outcome = TypeVar("Outcome")
_NOON_H = 12


async def send_on_either_day(
    engine: Engine,
    merchant_id: int,
    attempt: Attempt,
    send: Callable[[Attempt], Awaitable[Outcome]],
) -> tuple[Attempt, Outcome | NotSent]:
    """Send a reserved attempt; return the attempt that decides, and its outcome.

    A server that let us wait longer than a leader may stay silent could have been deposed
    meanwhile. Then nothing is sent unless the leader has the attempt.
    """
    if take_long_wait() and not await _is_known_to_leader(engine, merchant_id, attempt):
        log.error("leader_does_not_know_attempt", attempt_id=attempt.attempt_id)
        return attempt, NotSent(why="the database's leader does not know the attempt")
    outcome = await send(attempt)
    if not isinstance(outcome, Declined) or outcome.reason != WRONG_DAY:
        return attempt, outcome
    now = engine.clock.now()
    second = attempt.on_other_day(_other_day(attempt.business_date, now))
    log.warning("pg_refused_day", attempt_id=attempt.attempt_id, day=str(attempt.business_date))
    if not await _reserve_other_day(engine, merchant_id, attempt, outcome, second, now=now):
        return attempt, outcome
    return second, await send(second)


async def _is_known_to_leader(engine: Engine, merchant_id: int, attempt: Attempt) -> bool:
    """Whether each host that accepts writes has the attempt as one that is open."""
    return await engine.database.is_true_on_each_leader(
        lambda connection: attempt_store.is_open(connection, merchant_id, attempt.attempt_id)
    )


async def _reserve_other_day(
    engine: Engine,
    merchant_id: int,
    attempt: Attempt,
    outcome: Declined,
    second: Attempt,
    *,
    now: datetime,
) -> bool:
    """Close an attempt whose day the PG refused, and insert `second` in its place as `sending`.

    The caller sends it after the commit. False, and nothing written, if the attempt was closed
    meanwhile. The idempotency key passes on to the attempt that decides.
    """
    refused = await attempt_store.attempt(engine.database, merchant_id, attempt.attempt_id)
    async with engine.database.transaction() as connection:
        # Events of a payment are numbered, so its row is locked first.
        payment = await payment_store.payment_for_update(connection, merchant_id, refused.imp_uid)
        if not await attempt_store.close_attempt(
            connection, merchant_id, refused.attempt_id, outcome, now=now
        ):
            return False
        await payment_store.record_event(
            connection,
            payment,
            vault=engine.vault,
            event_type="day_refused",
            actor="gateway",
            created_at=now,
            amount_krw=refused.amount_krw,
            attempt_id=refused.attempt_id,
            outcome=outcome,
        )
        requested = new_event(
            engine.vault.mac_keys,
            payment.facts,
            event_type=f"{refused.kind.value}_requested",
            actor="gateway",
            created_at=now,
            amount_krw=refused.amount_krw,
            requested=AttemptFacts(
                kind=refused.kind,
                business_date=second.business_date,
                amount_krw=refused.amount_krw,
                remain_krw=refused.remain_krw,
                tax_free_krw=refused.tax_free_krw,
                is_reversal=refused.is_reversal,
            ),
            detail=refused.reason,
            attempt_id=second.attempt_id,
        )
        await reserve_store.insert_other_day(
            connection,
            merchant_id,
            attempt,
            second,
            event=requested,
            idempotency_key=await attempt_store.free_idempotency_key(
                connection, merchant_id, attempt.attempt_id
            ),
            now=now,
        )
    return True


def _other_day(refused: date, now: datetime) -> date:
    """Return today if midnight has passed since, else the day of the nearer midnight."""
    today = kst_day(now)
    if today != refused:
        return today
    is_morning = now.astimezone(KST).hour < _NOON_H
    return refused + timedelta(days=-1 if is_morning else 1)

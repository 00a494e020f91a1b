"""Delete a billing key: here at once, then at the PG, with as many requests as that takes.

Deleting a key twice is harmless, so a lost answer is followed by another request with a new id
(§8.5 of KICC's manual). The sealed key is kept until the PG confirms, because the request needs it.
While the outcome of a charge with the key is unknown, or the charge is under way, nothing is
deleted at the PG.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from dasi.billing_keys import billing_key_store
from dasi.billing_keys.billing_key import BillingKey
from dasi.billing_keys.find import open_key
from dasi.billing_keys.save import announce_deleted
from dasi.channels import find_channel, open_account
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.foundation.db import Connection
from dasi.foundation.errors import NotFound
from dasi.foundation.ids import ulid
from dasi.foundation.vault import DecryptionError
from dasi.ledger import key_attempt_store
from dasi.providers.port import Attempt, Declined, KeyDeleted, NotSent, Unknown
from dasi.recovery import is_held
from dasi.request_ids import begin_work

log = structlog.get_logger()

BATCH = 20
_LEASE = timedelta(seconds=90)
_WAIT_FIRST = timedelta(minutes=1)
_WAIT_MAX = timedelta(hours=6)
_DOUBLINGS_MAX = 9

InSameAct = Callable[[Connection, BillingKey, datetime], Awaitable[object]]
"""Work for the transaction that takes the key out of use (B5: ending its schedules)."""

_COUNTER = Counter(
    "dasi_key_deletions_total",
    "Requests to delete a billing key at the PG: deleted, refused, retry, or not_opened",
    ["result"],
)
_DELETIONS = {
    KeyDeleted: _COUNTER.labels("deleted"),
    Declined: _COUNTER.labels("refused"),
    Unknown: _COUNTER.labels("retry"),
    NotSent: _COUNTER.labels("retry"),
}


async def delete_key(
    engine: Engine,
    merchant_id: int,
    customer_uid: str,
    *,
    include_sandbox: bool = True,
    also: InSameAct | None = None,
) -> BillingKey:
    """Delete a customer's active key, request its deletion at the PG, and return the old key.

    Keys that it replaced are deleted too. Raises `NotFound("unknown_billing_key")`. Afterwards
    nothing can be charged with the key, regardless of the PG's answer; the worker repeats an
    unconfirmed deletion. An unresolved registration of the customer brings no key back, even if
    there was no active key: if it issued a key, that key is deleted at the PG.
    """
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        await key_attempt_store.discard_registrations(connection, merchant_id, customer_uid)
        await billing_key_store.lock_customer(connection, merchant_id, customer_uid)
        key = await billing_key_store.delete_active_key(
            connection, merchant_id, customer_uid, include_sandbox=include_sandbox, now=now
        )
        await billing_key_store.delete_replaced_keys(connection, merchant_id, customer_uid, now)
        if key is not None:
            if also is not None:
                await also(connection, key, now)
            await announce_deleted(
                connection,
                merchant_id,
                customer_uid,
                key.billing_key_id,
                channel_id=key.channel_id,
                now=now,
            )
    if key is None:
        raise NotFound("unknown_billing_key", customer_uid=customer_uid[:80])
    await _delete_at_pg(engine, key)
    return key


async def delete_due_keys(engine: Engine) -> int:
    """Delete due unused keys at the PG and return their count. For the worker."""
    now = engine.clock.now()
    keys = await billing_key_store.claim_deletions_any_merchant(
        engine.database, now=now, leased_until=now + _LEASE, batch=BATCH
    )
    for key in keys:
        begin_work()
        await _delete_at_pg(engine, key)
    return len(keys)


async def _delete_at_pg(engine: Engine, key: BillingKey) -> None:
    if await is_held(engine.database):
        return  # it stays due
    now = engine.clock.now()
    attempt = Attempt(attempt_id=f"rk-{ulid(now)}", business_date=kst_day(now))
    channel = await find_channel(engine, key.merchant_id, key.channel_id)
    try:
        account, billing_key = open_account(engine, channel), open_key(engine, key)
    except DecryptionError as error:
        # A key that does not open must not block the deletion of the others.
        log.exception("vault_cannot_open", billing_key_id=key.billing_key_id)
        _COUNTER.labels("not_opened").inc()
        async with engine.database.transaction() as connection:
            await billing_key_store.mark_removal_for_manual_review(
                connection, key, reason=str(error), now=now
            )
        return
    async with engine.database.transaction() as connection:
        await billing_key_store.lock_card(connection, key.card_number)
        shared_key = await _find_shared_key(engine, connection, key, billing_key, now=now)
        if shared_key is not None:
            await billing_key_store.mark_shared(connection, key, shared_key.billing_key_id, now=now)
            return
        if not await billing_key_store.lease_deletion(connection, key, leased_until=now + _LEASE):
            return
        await key_attempt_store.insert_deletion(
            connection,
            key.merchant_id,
            attempt,
            billing_key_id=key.billing_key_id,
            channel_id=key.channel_id,
            pg_merchant_id=channel.pg_merchant_id,
            now=now,
        )
    outcome = await engine.providers[channel.provider].delete_key(
        account, attempt, billing_key=billing_key
    )
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        await key_attempt_store.close_deletion(
            connection, key.merchant_id, attempt.attempt_id, outcome, now=now
        )
        deletion_attempts = await billing_key_store.count_deletion(connection, key, now=now)
        _DELETIONS[type(outcome)].inc()
        match outcome:
            case KeyDeleted():
                await billing_key_store.mark_deleted_at_pg(connection, key, now=now)
            case Declined(code=code, text=text):
                # A refusal may mean "deleted before" or "not yours": an operator decides.
                await billing_key_store.mark_removal_for_manual_review(
                    connection, key, reason=f"{code}: {text}", now=now
                )
                log.error("key_deletion_refused", billing_key_id=key.billing_key_id, pg_code=code)
            case Unknown() | NotSent():
                wait = min(_WAIT_FIRST * 2 ** min(deletion_attempts, _DOUBLINGS_MAX), _WAIT_MAX)
                await billing_key_store.schedule_deletion(connection, key, at=now + wait, now=now)


async def _find_shared_key(
    engine: Engine, connection: Connection, key: BillingKey, billing_key: str, *, now: datetime
) -> BillingKey | None:
    """Return a kept key with the same value, which a deletion would delete, too.

    KICC may issue the same key again for one card, to one customer or to two.
    """
    for shared_key in await billing_key_store.kept_keys_of_card_any_merchant(
        connection, key, now=now
    ):
        try:
            if open_key(engine, shared_key) == billing_key:
                return shared_key
        except DecryptionError:
            log.exception("vault_cannot_open", billing_key_id=shared_key.billing_key_id)
    return None

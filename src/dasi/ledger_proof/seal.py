"""Seal the ledger (M9): chain keyed hashes of batches of events and audit entries.

The worker seals a few seconds after the commit, so a charge never waits for another one. A seal
covers all rows up to a position and the seal before it: after that, a row that is changed, deleted
or inserted shows in `dasi ledger verify`. An exported head shows that newer seals are missing.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog
from prometheus_client import Gauge

from dasi.engine import Engine
from dasi.foundation.db import Connection, Database, Row
from dasi.foundation.vault import MacKeys
from dasi.ledger_proof import seal_store
from dasi.ledger_proof.seal_store import Seal
from dasi.payment_events import microseconds

log = structlog.get_logger()

BATCH = 5_000
_RETRY_S, _RETRIES_MAX = 0.02, 50
_LOGGED_EVERY = 100
_DIGEST_BYTES = 16
_SEAL_NUMBER = Gauge("dasi_ledger_seal_number", "The number of the newest seal of the ledger")
_UNSEALED = Gauge("dasi_ledger_unsealed", "Events and audit entries that are not sealed yet")


class SealedEvent(msgspec.Struct, frozen=True, array_like=True):
    """An event in a seal: which row it is, and a hash of its MAC and of its attempt."""

    position: int
    merchant_id: int
    imp_uid: str
    seq: int
    digest: bytes


class SealedAuditEntry(msgspec.Struct, frozen=True, array_like=True):
    """An audit entry in a seal: its position and a keyed hash of the row."""

    position: int
    digest: bytes


class Entries(msgspec.Struct, frozen=True, array_like=True):
    """The rows of one batch, as `ledger_seals.entries` holds them (MessagePack)."""

    events: list[SealedEvent]
    audit: list[SealedAuditEntry]


class LedgerHead(msgspec.Struct, frozen=True, kw_only=True):
    """The newest seal, for an export: the ledger must hold it for ever."""

    seal: int
    sealed_at: datetime
    events_until: int
    audit_until: int
    key_id: str
    mac: str


async def seal_ledger(engine: Engine) -> int:
    """Seal the next batch and return how many rows it holds; 0 if there is nothing to seal yet.

    Any number of workers may run this: one of them seals at a time.
    """
    async with engine.database.transaction() as connection:
        if not await seal_store.lock_sealing(connection):
            return 0
        head = await seal_store.newest_seal_any_merchant(connection)
        events_after, audit_after = (head.events_until, head.audit_until) if head else (0, 0)
        events_until, audit_until = await seal_store.drawn_positions_any_merchant(connection)
        unsealed = events_until - events_after + audit_until - audit_after
        _UNSEALED.set(unsealed)
        if unsealed <= 0:
            return 0
        if not await _are_final(connection):
            return 0
        events = await seal_store.events_any_merchant(
            connection, after=events_after, until=events_until, limit=BATCH
        )
        audit = await seal_store.audit_any_merchant(
            connection, after=audit_after, until=audit_until, limit=BATCH
        )
        if not events and not audit:
            return 0
        keys = engine.vault.mac_keys
        seal = _new_seal(
            keys,
            head,
            Entries(
                [sealed_event(row) for row in events],
                [
                    SealedAuditEntry(row["position"], audit_digest(keys, keys.newest, row))
                    for row in audit
                ],
            ),
            events_until=events[-1]["position"] if len(events) == BATCH else events_until,
            audit_until=audit[-1]["position"] if len(audit) == BATCH else audit_until,
            now=engine.clock.now(),
        )
        await seal_store.insert_seal_any_merchant(connection, seal)
    _SEAL_NUMBER.set(seal.seal_number)
    _UNSEALED.set(events_until - seal.events_until + audit_until - seal.audit_until)
    if seal.seal_number % _LOGGED_EVERY == 1:
        # A head outside the database, in case that no operator exports one.
        log.info("ledger_sealed", seal=seal.seal_number, mac=seal.mac.hex())
    return len(events) + len(audit)


async def ledger_head(database: Database) -> LedgerHead | None:
    """Return the newest seal; None before the first one."""
    seal = await seal_store.newest_seal_any_merchant(database)
    if seal is None:
        return None
    return LedgerHead(
        seal=seal.seal_number,
        sealed_at=seal.created_at,
        events_until=seal.events_until,
        audit_until=seal.audit_until,
        key_id=seal.mac[:4].hex(),
        mac=seal.mac.hex(),
    )


def seal_content(seal: Seal, previous_mac: bytes) -> tuple[Any, ...]:
    """Return the bytes that the MAC of a seal covers."""
    return (
        seal.seal_number,
        microseconds(seal.created_at),
        previous_mac,
        seal.events_until,
        seal.audit_until,
        hashlib.sha256(seal.entries).digest(),
    )


def sealed_event(row: Row) -> SealedEvent:
    """Return the entry of an event. The event's own MAC covers no attempt of a request."""
    position, merchant_id, imp_uid, seq, mac, attempt_id = row
    digest = hashlib.sha256(mac + (attempt_id or "").encode()).digest()[:_DIGEST_BYTES]
    return SealedEvent(position, merchant_id, imp_uid, seq, digest)


def audit_digest(keys: MacKeys, key_id: bytes, row: Mapping[str, Any]) -> bytes:
    """Return the keyed hash of an audit entry."""
    values = {**row, "created_at": microseconds(row["created_at"])}
    return keys.digest(key_id, "audit", *values.values())


async def _are_final(connection: Connection) -> bool:
    """Wait until no transaction can still commit a position that was drawn before; False if long.

    A transaction has its id before it draws a position. So every transaction that drew one of them
    has a lower id than this one, and its rows are visible, or never will be, once it has ended.
    """
    own_id = await seal_store.transaction_id(connection)
    for _ in range(_RETRIES_MAX):
        if await seal_store.have_earlier_ended(connection, own_id):
            return True
        await asyncio.sleep(_RETRY_S)
    log.warning("sealing_waits", why="a transaction has been open for a second")
    return False


def _new_seal(
    keys: MacKeys,
    head: Seal | None,
    entries: Entries,
    *,
    events_until: int,
    audit_until: int,
    now: datetime,
) -> Seal:
    unsigned = Seal(
        seal_number=head.seal_number + 1 if head else 1,
        created_at=now,
        events_until=events_until,
        audit_until=audit_until,
        entries=msgspec.msgpack.encode(entries),
        mac=b"",
    )
    mac = keys.sign("seal", *seal_content(unsigned, head.mac if head else b""))
    return Seal(
        seal_number=unsigned.seal_number,
        created_at=now,
        events_until=events_until,
        audit_until=audit_until,
        entries=unsigned.entries,
        mac=mac,
    )

"""Compare seals with the chain that they form and with the rows that they cover. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from dasi.foundation.db import Row
from dasi.foundation.vault import KEY_ID_BYTES, MacKeyMissingError, MacKeys
from dasi.ledger_proof.payment_rules import Check
from dasi.ledger_proof.seal import (
    Entries,
    LedgerHead,
    SealedAuditEntry,
    SealedEvent,
    audit_digest,
    seal_content,
    sealed_event,
)
from dasi.ledger_proof.seal_store import Seal

PaymentKey = tuple[int, str]


def chain_faults(previous: Seal | None, seal: Seal, keys: MacKeys) -> Iterator[tuple[Check, str]]:
    """The faults of a seal as the successor of `previous`."""
    expected = previous.seal_number + 1 if previous else 1
    if seal.seal_number != expected:
        yield "seal", f"the seals {expected} to {seal.seal_number - 1} were deleted"
        return
    try:
        content = seal_content(seal, previous.mac if previous else b"")
        if not keys.is_valid(seal.mac, "seal", *content):
            yield "seal", f"the seal {seal.seal_number} was changed, or the one before it"
    except MacKeyMissingError as missing:
        yield "key", f"the seal {seal.seal_number} needs the MAC key {missing}"


def decode_entries(seal: Seal) -> Entries:
    """The entries of a seal; none if they cannot be read, which its MAC shows too."""
    try:
        return msgspec.msgpack.decode(seal.entries, type=Entries)
    except msgspec.DecodeError:
        return Entries([], [])


def event_faults(
    sealed: Iterable[SealedEvent], rows: Sequence[Row]
) -> Iterator[tuple[PaymentKey, Check, str]]:
    """Sealed events that are missing or differ, and events that were inserted among them."""
    present = {row["position"]: row for row in rows}
    for entry in sealed:
        key = (entry.merchant_id, entry.imp_uid)
        row = present.pop(entry.position, None)
        if row is None:
            yield key, "deleted", f"its sealed event {entry.seq} was deleted"
        elif sealed_event(row) != entry:
            yield key, "event", f"its sealed event {entry.seq} was replaced"
    for row in present.values():
        key = (row["merchant_id"], row["imp_uid"])
        yield key, "inserted", f"its event {row['seq']} was inserted among sealed events"


def audit_faults(
    sealed: Sequence[tuple[bytes, Sequence[SealedAuditEntry]]],
    rows: Sequence[Mapping[str, Any]],
    keys: MacKeys,
) -> Iterator[tuple[Check, str]]:
    """Sealed audit entries that are missing or differ, and entries inserted among them.

    `sealed`: the MAC of each seal, and its audit entries.
    """
    present = {row["position"]: row for row in rows}
    deleted = []
    for mac, entries in sealed:
        for entry in entries:
            row = present.pop(entry.position, None)
            if row is None:
                deleted.append(entry.position)
            elif not _is_unchanged(row, entry, mac[:KEY_ID_BYTES], keys):
                yield "audit", f"the audit entry {entry.position} was changed"
    if deleted:
        yield "audit", (f"{len(deleted)} audit entries were deleted: {deleted[0]} to {deleted[-1]}")
    for position in present:
        yield "audit", f"the audit entry {position} was inserted among sealed ones"


def _is_unchanged(
    row: Mapping[str, Any], entry: SealedAuditEntry, key_id: bytes, keys: MacKeys
) -> bool:
    try:
        return audit_digest(keys, key_id, row) == entry.digest
    except MacKeyMissingError:  # the seal's own discrepancy names the key
        return True


def head_faults(
    head: LedgerHead, same: Seal | None, newest: Seal | None
) -> Iterator[tuple[Check, str]]:
    """Faults of an exported head: `same` is the seal of its number, `newest` the last one."""
    if same is not None and same.mac.hex() != head.mac:
        yield (
            "head",
            f"the ledger went back before {head.sealed_at} and was written anew since: its seal "
            f"{head.seal} is not the exported one. What was written between is lost, or the seals "
            "were made again",
        )
    if same is not None:
        return
    last = newest.seal_number if newest else 0
    events, audit = (newest.events_until, newest.audit_until) if newest else (0, 0)
    text = (
        f"the ledger went back: it ends at {newest.created_at if newest else 'its beginning'}, and "
        f"the exported head is of {head.sealed_at}. Lost are the seals {last + 1} to {head.seal}, "
        f"with up to {head.events_until - events} events and {head.audit_until - audit} audit "
        "entries"
    )
    yield "head", text

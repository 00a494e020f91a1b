"""Begin a request under its caller's `Idempotency-Key`, and keep its answer for good.

Same key and same fields: the same answer. Same key and other fields: refused, naming the fields.
Still running: refused for now. The fields are kept as hashes, the answer is sealed: both may hold
what a buyer told the shop.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid
from dasi.foundation.reencrypt import EncryptedColumn
from dasi.idempotency import key_store

KEY_MAX = 255
RUNNING = timedelta(seconds=60)
"""A request that began longer ago than this is not running any more: its process died."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """The caller acts now. `is_retry`: an earlier try began and left no answer."""

    is_retry: bool


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """It was done before; this is what was answered then."""

    http_status: int
    body: bytes


def request_fingerprint(route: str, given: Mapping[str, object]) -> dict[str, str]:
    """Of the route and of each field that was given, its hash."""
    fields = {"(route)": route, **{name: value for name, value in given.items() if value}}
    return {name: _hash(name, value) for name, value in fields.items()}


async def acquire(
    engine: Engine, merchant_id: int, key: str, fingerprint: Mapping[str, str]
) -> Acquired | StoredResponse:
    """`Invalid` for a key that cannot be one; `Conflict("idempotency_differs")` names the fields
    that differ; `Conflict("idempotency_running")` while the first request still runs."""
    if not 1 <= len(key) <= KEY_MAX or not key.isprintable():
        raise Invalid("Idempotency-Key", f"1자 이상 {KEY_MAX}자 이하의 글자여야 합니다")
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        if await key_store.insert(connection, merchant_id, key, dict(fingerprint), now):
            return Acquired(is_retry=False)
        record = await key_store.record_for_update(connection, merchant_id, key)
        differing = sorted(
            name
            for name in record.fingerprint.keys() | fingerprint.keys()
            if not hmac.compare_digest(record.fingerprint.get(name, ""), fingerprint.get(name, ""))
        )
        if differing:
            raise Conflict("idempotency_differs", fields=", ".join(differing)[:500])
        if record.sealed_response is not None and record.http_status is not None:
            body = engine.vault.open(
                record.sealed_response, associated_data=_associated_data(merchant_id, key)
            )
            return StoredResponse(record.http_status, body.encode())
        if now - record.started_at < RUNNING:
            raise Conflict("idempotency_running")
        await key_store.restart(connection, merchant_id, key, now)
    return Acquired(is_retry=True)


async def store_response(
    engine: Engine, merchant_id: int, key: str, *, http_status: int, body: bytes
) -> None:
    """The answer every repetition gets from now on."""
    sealed = engine.vault.seal(body.decode(), associated_data=_associated_data(merchant_id, key))
    await key_store.store_response(
        engine.database,
        merchant_id,
        key,
        http_status=http_status,
        sealed_response=sealed,
        now=engine.clock.now(),
    )


async def release(engine: Engine, merchant_id: int, key: str) -> None:
    """The request ended without a final answer: a repetition may look again at once."""
    await key_store.release(engine.database, merchant_id, key, engine.clock.now() - RUNNING)


def _hash(name: str, value: object) -> str:
    told = json.dumps([name, value], ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()


def _associated_data(merchant_id: int, key: str) -> str:
    return f"merchant {merchant_id} request {key}"


SEALED_RESPONSES = EncryptedColumn(
    label="stored responses",
    table="idempotent_requests",
    key=("merchant_id", "idempotency_key"),
    column="sealed_response",
    associated_data=lambda row: _associated_data(row["merchant_id"], row["idempotency_key"]),
)

"""Run a request once under its `Idempotency-Key` and store its response.

The same key with the same fields returns the stored response. The same key with other fields is
refused with the names of the fields. A key whose request still runs is refused for now. Fields are
stored as hashes and the response is sealed, because both may hold a buyer's personal data.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid
from dasi.foundation.vault import EncryptedColumn
from dasi.idempotency import key_store

KEY_MAX = 256
RUNNING = timedelta(seconds=60)
"""The process of a request that began longer ago than this has died."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """The caller runs the request. `is_retry`: an earlier run began and stored no response."""

    is_retry: bool


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The response of an earlier run."""

    http_status: int
    body: bytes


def request_fingerprint(route: str, params: Mapping[str, object]) -> dict[str, str]:
    """Hash the route and each parameter that has a value."""
    fields = {"(route)": route, **{name: value for name, value in params.items() if value}}
    return {name: _hash(name, value) for name, value in fields.items()}


async def acquire(
    engine: Engine, merchant_id: int, key: str, fingerprint: Mapping[str, str]
) -> Acquired | StoredResponse:
    """Acquire a key to run its request, or return the stored response.

    Raises `Invalid` for a malformed key, `Conflict("idempotency_differs")` with the fields that
    differ, and `Conflict("idempotency_running")` while the first request still runs.
    """
    if not 1 <= len(key) <= KEY_MAX or not key.isprintable():
        raise Invalid("Idempotency-Key", "length_between", minimum=1, maximum=KEY_MAX)
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
            body = SEALED_RESPONSES.open(
                engine.vault,
                record.sealed_response,
                merchant_id=merchant_id,
                idempotency_key=key,
            )
            return StoredResponse(record.http_status, body.encode())
        if now - record.started_at < RUNNING:
            raise Conflict("idempotency_running")
        await key_store.restart(connection, merchant_id, key, now)
    return Acquired(is_retry=True)


async def store_response(
    engine: Engine, merchant_id: int, key: str, *, http_status: int, body: bytes
) -> None:
    """Store the response that every repetition gets from now on."""
    sealed = SEALED_RESPONSES.seal(
        engine.vault, body.decode(), merchant_id=merchant_id, idempotency_key=key
    )
    await key_store.store_response(
        engine.database,
        merchant_id,
        key,
        http_status=http_status,
        sealed_response=sealed,
        now=engine.clock.now(),
    )


async def release(engine: Engine, merchant_id: int, key: str) -> None:
    """End a request without a final response, so that a repetition may run at once."""
    await key_store.release(engine.database, merchant_id, key, engine.clock.now() - RUNNING)


async def forget_old_responses(engine: Engine, *, older_than: timedelta, batch: int) -> int:
    """Forget a batch of old responses, and return how many. `Unavailable` if it is busy.

    The keys stay: a repetition is answered from the payment as it is then, and does nothing twice.
    """
    async with engine.database.housekeeping() as connection:
        return await key_store.forget_old_responses_any_merchant(
            connection, before=engine.clock.now() - older_than, batch=batch
        )


def _hash(name: str, value: object) -> str:
    text = json.dumps([name, value], ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


SEALED_RESPONSES = EncryptedColumn(
    title="stored responses",
    table="idempotent_requests",
    key=("merchant_id", "idempotency_key"),
    column="sealed_response",
    bound_to=("merchant_id", "idempotency_key"),
)

"""Run a request once, however often the client sends it, and repeat the response."""

from dasi.idempotency.keys import (
    KEY_MAX,
    SEALED_RESPONSES,
    StoredResponse,
    acquire,
    release,
    request_fingerprint,
    store_response,
)
from dasi.idempotency.replay import find_by_idempotency_key

__all__ = [
    "KEY_MAX",
    "SEALED_RESPONSES",
    "StoredResponse",
    "acquire",
    "find_by_idempotency_key",
    "release",
    "request_fingerprint",
    "store_response",
]

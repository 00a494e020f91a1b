"""Run a request once, however often the client sends it, and repeat the response."""

from dasi.idempotency.keys import (
    KEY_MAX,
    SEALED_RESPONSES,
    StoredResponse,
    acquire,
    forget_old_responses,
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
    "forget_old_responses",
    "release",
    "request_fingerprint",
    "store_response",
]

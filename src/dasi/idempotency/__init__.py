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

__all__ = [
    "KEY_MAX",
    "SEALED_RESPONSES",
    "StoredResponse",
    "acquire",
    "release",
    "request_fingerprint",
    "store_response",
]

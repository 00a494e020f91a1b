"""Ids of spans that follow from the request id, so that a webhook finds its request.

The worker sends a webhook later, in another process. It knows the request id only. So the trace of
a request without a `traceparent`, and the span of each request, have ids made from that id.
"""

import hashlib
import re
from contextvars import ContextVar

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from dasi.request_ids import current_request_id

NEXT_SPAN_ID: ContextVar[int | None] = ContextVar("next_span_id", default=None)
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")


def trace_id_of(request_id: str) -> int:
    """Return the request id itself if it is a trace id, else a hash of it."""
    if _TRACE_ID.fullmatch(request_id):
        return int(request_id, 16)
    return int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:16]) or 1


def span_id_of(request_id: str) -> int:
    """Return the id of the span that covers the whole request."""
    return int.from_bytes(hashlib.sha256(f"span {request_id}".encode()).digest()[:8]) or 1


class RequestIdGenerator(RandomIdGenerator):
    """Makes the ids of a new trace from the request or the task that runs; random ones without."""

    def generate_trace_id(self) -> int:
        request_id = current_request_id()
        return super().generate_trace_id() if request_id is None else trace_id_of(request_id)

    def generate_span_id(self) -> int:
        return NEXT_SPAN_ID.get() or super().generate_span_id()

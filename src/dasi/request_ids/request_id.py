"""The id of the request, or of the worker's task, that the running code belongs to.

The context of the log holds it, so that every log line has it. A client may choose the id, so its
length and its alphabet are limited, and an id that contains a card number is replaced.
"""

import re
import secrets

from dasi.foundation.logging import LOG_CONTEXT, without_secrets

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_MANY_DIGITS = re.compile(rb"[0-9]{13}")
# W3C Trace Context: version, trace id, parent id, flags. A later version may append fields.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def new_request_id() -> str:
    """Return 32 hexadecimal digits, the form of a trace id."""
    return secrets.token_hex(16)


def begin_work() -> None:
    """Give the running task of a worker an id of its own."""
    LOG_CONTEXT.set({"request_id": new_request_id()})


def current_request_id() -> str | None:
    """Return the id of the running request or task; None in a command."""
    return LOG_CONTEXT.get().get("request_id")


def accepted_id(header: bytes) -> str | None:
    """Return the id of a client's `X-Request-Id`; None if it must be replaced."""
    if _REQUEST_ID.fullmatch(header) is None:
        return None
    request_id = header.decode("ascii")
    if (
        _MANY_DIGITS.search(header.translate(None, b"._-")) is None
        or without_secrets(request_id) == request_id
    ):
        return request_id
    return None


def trace_id_of(header: bytes) -> str | None:
    """Return the trace id of a `traceparent` header; None if the header is not valid."""
    match = _TRACEPARENT.fullmatch(header)
    return None if match is None else match[1].decode("ascii")

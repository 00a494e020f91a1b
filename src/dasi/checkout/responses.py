"""How the checkout answers: JSON for the SDK, which any page may read, and refusals as pages.

Every endpoint is wrapped once, by kind: a `Refused` or `Unavailable` becomes an answer of that
kind and never a 500.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.errors import ErrorEntry, error_entry
from dasi.foundation.errors import Invalid, Refused, Unavailable
from dasi.http.templates import Templates

log = structlog.get_logger()

BODY_MAX_BYTES = 64 * 1024
Endpoint = Callable[[Request], Awaitable[Response]]

# A result is for whoever holds its token, on whatever page: no cookie plays a part, so any origin
# may read.
CORS = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


def json_response(told: object, *, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(told),
        status_code=status,
        media_type="application/json",
        headers={**CORS, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


async def preflight(_request: Request) -> Response:
    return Response(status_code=204, headers=PREFLIGHT)


def as_json(endpoint: Endpoint) -> Endpoint:
    """Refusals as `{"error": {"code", "message"}}`; the SDK reads the code."""

    @wraps(endpoint)
    async def wrapper(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (Refused, Unavailable) as error:
            entry = error_entry(error)
            body = {"code": entry.code, "message": entry.text}
            return json_response({"error": body}, status=_status(entry))

    return wrapper


def as_page(templates: Templates, endpoint: Endpoint) -> Endpoint:
    """Refusals as a page for the payer, who can do nothing but read what to do next."""

    @wraps(endpoint)
    async def wrapper(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (Refused, Unavailable) as error:
            entry = error_entry(error)
            status = _status(entry)
            log.info("checkout_error_page", code=entry.code, status=status, why=str(error))
            return templates.page("error.html", status=status, code=entry.code, status_code=status)

    return wrapper


async def read_body(request: Request) -> bytes:
    """The body, read no further than its limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise Invalid("body", f"{BODY_MAX_BYTES:,}바이트 이하여야 합니다.")
    return bytes(body)


def _status(entry: ErrorEntry) -> int:
    """A refusal inside an `rsp` is told with 200; here there is no `rsp` to carry it."""
    return HTTPStatus.BAD_REQUEST if entry.status == HTTPStatus.OK else entry.status

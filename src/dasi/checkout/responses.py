"""How the checkout answers: JSON for the SDK, which any page may read, and refusals as pages.

Every act is wrapped once, by kind: a `Refused` or `Unavailable` becomes an answer of that kind and
never a 500.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.errors import Failure, failure_of
from dasi.checkout.templates import Pages
from dasi.foundation.errors import Invalid, Refused, Unavailable

log = structlog.get_logger()

BODY_MAX_BYTES = 64 * 1024
Act = Callable[[Request], Awaitable[Response]]

# A result is for whoever holds its token, on whatever page: no cookie plays a part, so any origin
# may read.
CORS = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


def json_answer(told: object, *, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(told),
        status_code=status,
        media_type="application/json",
        headers={**CORS, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


async def preflight(_request: Request) -> Response:
    return Response(status_code=204, headers=PREFLIGHT)


def as_json(act: Act) -> Act:
    """Refusals as `{"error": {"code", "message"}}`; the SDK reads the code."""

    @wraps(act)
    async def answered(request: Request) -> Response:
        try:
            return await act(request)
        except (Refused, Unavailable) as trouble:
            failure = failure_of(trouble)
            error = {"code": failure.code, "message": failure.text}
            return json_answer({"error": error}, status=_status(failure))

    return answered


def as_page(pages: Pages, act: Act) -> Act:
    """Refusals as a page for the payer, who can do nothing but read what to do next."""

    @wraps(act)
    async def answered(request: Request) -> Response:
        try:
            return await act(request)
        except (Refused, Unavailable) as trouble:
            failure = failure_of(trouble)
            status = _status(failure)
            log.info("checkout_trouble_page", code=failure.code, status=status, why=str(trouble))
            return pages.page("trouble.html", status=status, code=failure.code, status_code=status)

    return answered


async def read_body(request: Request) -> bytes:
    """The body, read no further than its limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise Invalid("body", f"{BODY_MAX_BYTES:,}바이트 이하여야 합니다.")
    return bytes(body)


def _status(failure: Failure) -> int:
    """A refusal inside an `rsp` is told with 200; here there is no `rsp` to carry it."""
    return HTTPStatus.BAD_REQUEST if failure.status == HTTPStatus.OK else failure.status

"""Shared by every endpoint of the checkout: its merchant and window, its body and its responses.

Each endpoint is wrapped once, by kind: a `Refused` or `Unavailable` becomes JSON for the SDK or a
page for the payer, never a 500.
"""

import re
from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from urllib.parse import quote

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.errors import ErrorEntry, error_entry
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotFound, Refused, Unavailable
from dasi.http.slots import slot_of
from dasi.http.templates import Templates
from dasi.merchants import Merchant, find_merchant_by_code

log = structlog.get_logger()

# Codes and tokens of another shape are not looked up: the answer would be the same, and a path may
# hold bytes that no database accepts.
_CODE = re.compile(r"[A-Za-z0-9_-]{3,40}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,80}")
BODY_MAX_BYTES = 64 * 1024
Endpoint = Callable[[Request], Awaitable[Response]]

# The window token alone gives access to a result, on any page. No cookie is involved, so any origin
# may read.
CORS = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


def json_response(body: object, *, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers={**CORS, "Cache-Control": "no-store"},
    )


async def preflight(_request: Request) -> Response:
    return Response(status_code=204, headers=PREFLIGHT)


def as_json(endpoint: Endpoint) -> Endpoint:
    """Answer refusals with `{"error": {"code", "message"}}`; the SDK reads the code."""

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
    """Answer refusals with a page that tells the payer what to do next."""

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


async def merchant_of(engine: Engine, request: Request) -> Merchant:
    """Return the merchant that the path names, or raise `NotFound("unknown_merchant")`."""
    code = str(request.path_params["code"])
    if not _CODE.fullmatch(code):
        raise NotFound("unknown_merchant", code="?")
    merchant = await find_merchant_by_code(engine, code)
    slot_of(request).assign(merchant.merchant_id)
    return merchant


def window_token_of(request: Request) -> str:
    """Return the window token of the path. `NotFound("window_not_found")` if it cannot be one."""
    window_token = str(request.path_params["token"])
    if not _TOKEN.fullmatch(window_token):
        raise NotFound("window_not_found")
    return window_token


def window_path(root: str, request: Request) -> str:
    """Return the path of the result page of this request's window; safe in a header."""
    code, window_token = request.path_params["code"], request.path_params["token"]
    return f"{root}/checkout/{quote(code, safe='')}/windows/{quote(window_token, safe='')}"


async def read_body(request: Request) -> bytes:
    """Return the body. `Invalid` once it exceeds its limit; the rest is not read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise Invalid("body", "bytes_at_most", maximum=BODY_MAX_BYTES)
    return bytes(body)


def _status(entry: ErrorEntry) -> int:
    """The HTTP status of a refusal. An `rsp` carries it with 200; here there is no `rsp`."""
    return HTTPStatus.BAD_REQUEST if entry.status == HTTPStatus.OK else entry.status

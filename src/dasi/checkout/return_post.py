"""`POST …/return`: the payer's browser posts the result of the PG's window, then goes on.

It is a cross-site post of an unsigned form. The answer is 303 in every case, so that reload and
back repeat a GET. The page it leads to shows our own record.
"""

from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.responses import Endpoint, merchant_of, read_body, window_path, window_token_of
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid
from dasi.http.templates import Templates
from dasi.windows import complete_window

log = structlog.get_logger()

FIELDS_MAX = 60


def return_endpoint(engine: Engine, templates: Templates) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        merchant, window_token = await merchant_of(engine, request), window_token_of(request)
        fields = _read(await read_body(request))
        try:
            await complete_window(engine, merchant, window_token, fields)
        except Conflict as conflict:
            log.info("return_ignored", merchant=merchant.code, why=str(conflict))
        return templates.see_other(window_path(templates.root, request))

    return endpoint


def return_get_endpoint(templates: Templates) -> Endpoint:
    """Answer `GET …/return`, for a payer who pressed enter in the address bar or went back."""

    async def endpoint(request: Request) -> Response:
        return templates.see_other(window_path(templates.root, request))

    return endpoint


def _read(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=FIELDS_MAX,
            errors="strict",
        )
    except ValueError as bad:
        raise Invalid("return", "readable_form", detail=str(bad)) from bad
    if any("\x00" in name + value for name, value in pairs):
        raise Invalid("return", "no_control_characters")
    return dict(pairs)

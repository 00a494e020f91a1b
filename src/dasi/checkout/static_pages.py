"""Pages that know no payment: what the popup shows at first, and Iamport's default result pages.

`/payments/success` and `/payments/fail` are reached with a query anybody can write, so they prove
nothing: they say so, show names of the right shape, and the sentence of a code, never a given text.
"""

import re

from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.errors import PAGE_TEXTS
from dasi.checkout.responses import Endpoint
from dasi.checkout.templates import Templates

_NAME = re.compile(r"[A-Za-z0-9가-힣._\-]{1,40}")


def opening_endpoint(templates: Templates) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return templates.page("opening.html")

    return endpoint


def success_endpoint(templates: Templates) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return _ended(templates, request, is_success=True, code=None)

    return endpoint


def fail_endpoint(templates: Templates) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        code = request.query_params.get("error_code")
        known = code if code in PAGE_TEXTS else None
        return _ended(templates, request, is_success=False, code=known)

    return endpoint


def _ended(
    templates: Templates, request: Request, *, is_success: bool, code: str | None
) -> Response:
    return templates.page(
        "ended.html",
        is_success=is_success,
        code=code,
        text=PAGE_TEXTS[code] if code else None,
        imp_uid=_name(request, "imp_uid"),
        merchant_uid=_name(request, "merchant_uid"),
    )


def _name(request: Request, name: str) -> str | None:
    given = request.query_params.get(name, "")
    return given if _NAME.fullmatch(given) else None

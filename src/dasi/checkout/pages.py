"""The pages of the checkout: their headers, their files, and the pages that know no payment.

A page's `Referrer-Policy` keeps its URL from where its links lead: the token in it is the key to
one result. The pages keep their opener (`unsafe-none`), because the result goes to the page that
opened the popup. No page but `ready.html` may be framed.

Every client can write the query of `/payments/success` and `/payments/fail`, so these pages prove
nothing. They say so and show names of the right shape and the text of a code, never a text of the
query.
"""

import re

from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.errors import PAGE_TEXTS
from dasi.checkout.responses import CORS, Endpoint
from dasi.engine import Engine
from dasi.http.templates import (
    FILE_CACHE_CONTROL,
    StaticFile,
    Templates,
    file_response,
    security_headers,
)

# Pages load the script on every view: a short life, and then an ETag that answers 304.
_SCRIPT_CACHE_CONTROL = "public, max-age=300, stale-while-revalidate=86400"
_FILE_HEADERS = {
    **CORS,
    # A merchant's page that isolates itself (COEP) may still load us.
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_SECURITY_HEADERS = security_headers(
    form_action="'none'", referrer_policy="no-referrer", opener_policy="unsafe-none"
)
# For the one page that stands in a merchant's page. It opens a window only after the payer's
# own touch.
FRAMED_HEADERS = {
    **{name: text for name, text in _SECURITY_HEADERS.items() if name != "X-Frame-Options"},
    "Content-Security-Policy": _SECURITY_HEADERS["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors *"
    ),
}
_NAME = re.compile(r"[A-Za-z0-9가-힣._\-]{1,40}")


def read_templates(engine: Engine) -> Templates:
    """Return the templates and static files of the checkout."""
    return Templates(
        "dasi.checkout",
        public_url=engine.public_url,
        static_path="/checkout/-",
        headers=_SECURITY_HEADERS,
    )


def script_endpoint(templates: Templates) -> Endpoint:
    """Serve the SDK's script, at our path and at Iamport's."""
    script = templates.static_file("imp.js")
    assert script is not None, "the package was built without its browser SDK"

    async def endpoint(request: Request) -> Response:
        return _file(request, script, cache_control=_SCRIPT_CACHE_CONTROL)

    return endpoint


def file_endpoint(templates: Templates) -> Endpoint:
    """Serve the styles and scripts of the pages."""

    async def endpoint(request: Request) -> Response:
        file = templates.static_file(request.path_params["name"])
        return _file(request, file, cache_control=FILE_CACHE_CONTROL)

    return endpoint


def _file(request: Request, file: StaticFile | None, *, cache_control: str) -> Response:
    return file_response(request, file, cache_control=cache_control, headers=_FILE_HEADERS)


def opening_endpoint(templates: Templates) -> Endpoint:
    """Serve the page that the popup shows until the window opens."""

    async def endpoint(_request: Request) -> Response:
        return templates.page("opening.html")

    return endpoint


def success_endpoint(templates: Templates) -> Endpoint:
    """Serve Iamport's default page after a payment."""

    async def endpoint(request: Request) -> Response:
        return _ended(templates, request, is_success=True, code=None)

    return endpoint


def fail_endpoint(templates: Templates) -> Endpoint:
    """Serve Iamport's default page after a failed payment."""

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
    value = request.query_params.get(name, "")
    return value if _NAME.fullmatch(value) else None

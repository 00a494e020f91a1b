"""The routes of the checkout."""

from starlette.routing import Route

from dasi.checkout.frame import frame_routes
from dasi.checkout.open_window import WindowLimits, open_endpoint
from dasi.checkout.pages import (
    fail_endpoint,
    file_endpoint,
    opening_endpoint,
    read_templates,
    script_endpoint,
    success_endpoint,
)
from dasi.checkout.responses import as_json, as_page, preflight
from dasi.checkout.result import close_endpoint, result_endpoint, result_page_endpoint
from dasi.checkout.return_post import return_endpoint, return_get_endpoint
from dasi.engine import Engine

_WINDOW = "/checkout/{code}/windows/{token}"
_SCRIPTS = (
    "/sdk/imp.js",
    "/v1/iamport.js",
    "/js/iamport.payment.js",
    "/js/iamport.payment-{version}.js",
)


def routes(engine: Engine, *, windows_per_address: int, windows_per_merchant: int) -> list[Route]:
    """Return the routes of the application. Templates and static files are read once, here.

    The two limits are numbers of windows a minute.
    """
    limits = WindowLimits(per_address=windows_per_address, per_merchant=windows_per_merchant)
    templates = read_templates(engine)
    script = script_endpoint(templates)
    return [
        *[Route(path, script, methods=["GET"]) for path in _SCRIPTS],
        Route("/checkout/-/{name}", file_endpoint(templates), methods=["GET"]),
        Route("/checkout/{code}/opening", opening_endpoint(templates), methods=["GET"]),
        Route("/checkout/{code}/windows", open_endpoint(engine, limits), methods=["POST"]),
        Route("/checkout/{code}/windows", preflight, methods=["OPTIONS"]),
        Route(
            f"{_WINDOW}/return",
            as_page(templates, return_endpoint(engine, templates)),
            methods=["POST"],
        ),
        Route(f"{_WINDOW}/return", return_get_endpoint(templates), methods=["GET"]),
        Route(f"{_WINDOW}/result", as_json(result_endpoint(engine)), methods=["GET"]),
        Route(f"{_WINDOW}/close", as_json(close_endpoint(engine)), methods=["POST"]),
        Route(f"{_WINDOW}/{{path:path}}", preflight, methods=["OPTIONS"]),
        Route(
            _WINDOW, as_page(templates, result_page_endpoint(engine, templates)), methods=["GET"]
        ),
        *frame_routes(engine, templates),
        Route("/payments/success", success_endpoint(templates), methods=["GET"]),
        Route("/payments/fail", fail_endpoint(templates), methods=["GET"]),
    ]

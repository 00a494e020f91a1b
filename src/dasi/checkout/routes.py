"""Every address of the checkout face."""

from starlette.routing import Route

from dasi.checkout.frame import frame_routes
from dasi.checkout.open_window import open_act
from dasi.checkout.responses import as_json, as_page, preflight
from dasi.checkout.result_page import come_back_act
from dasi.checkout.return_post import look_again_act, return_act
from dasi.checkout.static_files import file_act, script_act
from dasi.checkout.static_pages import fail_act, opening_act, success_act
from dasi.checkout.status import close_act, result_act
from dasi.checkout.templates import Pages
from dasi.engine import Engine

_WINDOW = "/checkout/{code}/windows/{token}"
_SCRIPTS = (
    "/sdk/imp.js",
    "/v1/iamport.js",
    "/js/iamport.payment.js",
    "/js/iamport.payment-{version}.js",
)


def routes(engine: Engine) -> list[Route]:
    """The routes to put into the application. Templates and files are read here, once."""
    pages = Pages(engine)
    script = script_act(pages)
    return [
        *[Route(path, script, methods=["GET"]) for path in _SCRIPTS],
        Route("/checkout/-/{name}", file_act(pages), methods=["GET"]),
        Route("/checkout/{code}/opening", opening_act(pages), methods=["GET"]),
        Route("/checkout/{code}/windows", open_act(engine), methods=["POST"]),
        Route("/checkout/{code}/windows", preflight, methods=["OPTIONS"]),
        Route(f"{_WINDOW}/return", as_page(pages, return_act(engine, pages)), methods=["POST"]),
        Route(f"{_WINDOW}/return", look_again_act(pages), methods=["GET"]),
        Route(f"{_WINDOW}/result", as_json(result_act(engine)), methods=["GET"]),
        Route(f"{_WINDOW}/close", as_json(close_act(engine)), methods=["POST"]),
        Route(f"{_WINDOW}/{{what:path}}", preflight, methods=["OPTIONS"]),
        Route(_WINDOW, as_page(pages, come_back_act(engine, pages)), methods=["GET"]),
        *frame_routes(engine, pages),
        Route("/payments/success", success_act(pages), methods=["GET"]),
        Route("/payments/fail", fail_act(pages), methods=["GET"]),
    ]

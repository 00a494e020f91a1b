"""Every address of the console, with what it needs. Tests go through this table."""

from starlette.routing import Route

from dasi.console import doubts, payments, shops, sign_in
from dasi.console.door import Door, open_door
from dasi.console.pages import Pages
from dasi.engine import Engine

_SHOP = "/console/shops/{code}"

DOORS: tuple[Door, ...] = (
    Door("GET", "/console", shops.show_home, "person"),
    Door("POST", "/console/shops", shops.post_shop, "own"),
    Door("GET", "/console/sign-in", sign_in.show_sign_in, "nobody"),
    Door("POST", "/console/sign-in", sign_in.post_sign_in, "nobody"),
    Door("POST", "/console/sign-out", sign_in.post_sign_out, "half"),
    Door("GET", "/console/join/{secret}", sign_in.show_join, "nobody"),
    Door("POST", "/console/join/{secret}", sign_in.post_join, "nobody"),
    Door("GET", _SHOP, payments.show_payments, "see"),
    Door("GET", f"{_SHOP}/payments", payments.show_payments, "see"),
    Door("GET", f"{_SHOP}/payments.csv", payments.export_payments, "see"),
    Door("GET", f"{_SHOP}/payments/{{imp_uid}}", payments.show_payment, "see"),
    Door("POST", f"{_SHOP}/payments/{{imp_uid}}/cancel", payments.post_cancel, "act"),
    Door("GET", f"{_SHOP}/doubts", doubts.show_doubts, "see"),
    Door("POST", f"{_SHOP}/doubts/look", payments.post_look_again, "act"),
)


def routes(engine: Engine) -> list[Route]:
    """The routes to put into the application. Templates and files are read here, once."""
    pages = Pages(engine)
    return [
        Route("/console/-/{name}", pages.give_file, methods=["GET"]),
        *[
            Route(door.path, open_door(engine, pages, door), methods=[door.method])
            for door in DOORS
        ],
    ]

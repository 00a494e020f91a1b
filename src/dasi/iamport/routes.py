"""All routes of this face."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.engine import Engine
from dasi.foundation.errors import NotFound, Refused, Unavailable
from dasi.iamport import (
    beside,
    cancel,
    codes,
    customers,
    describe,
    failures,
    not_offered,
    payments,
    prepare,
    schedules,
    subscribe,
    users,
)
from dasi.iamport.endpoint import Face

_WRONG_METHOD = 405


def routes(engine: Engine, *, body_max_bytes: int, shows_sandbox: bool = True) -> list[Route]:
    """In order: longer paths before the ones that would swallow them."""
    face = Face(engine, body_max_bytes, shows_sandbox)
    served = [
        *users.routes(face),
        *codes.routes(face),
        *subscribe.routes(face),
        *schedules.routes(face),
        *beside.routes(face),
        *customers.routes(face),
        *prepare.routes(face),
        *cancel.routes(face),
        *not_offered.routes(face),
        *payments.routes(face),
    ]
    return [*served, *describe.routes(served, url=engine.public_url)]


def no_such_route(request: Request, *, http_status: int, allowed: str) -> Response:
    """The envelope for a path or method nobody serves: clients parse JSON unconditionally."""
    told = {"method": request.method[:10], "path": request.url.path[:200]}
    if http_status == _WRONG_METHOD:
        return failures.refusal(Refused("wrong_method", **told, allowed=allowed))
    return failures.refusal(NotFound("unknown_route", **told))


def no_room(retry_after_s: int) -> Response:
    """The envelope for a request that a full gateway sends away. Nothing was done."""
    return failures.unavailable(Unavailable("room in this process", retry_after_s))

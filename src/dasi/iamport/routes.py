"""All routes of this interface."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.engine import Engine
from dasi.foundation.errors import NotFound, Refused, Unavailable
from dasi.iamport import errors, unsupported
from dasi.iamport.endpoint import ApiContext
from dasi.iamport.endpoints import (
    cancel,
    codes,
    customers,
    extensions,
    payments,
    prepare,
    schedules,
    subscribe,
    users,
)
from dasi.iamport.schema import docs_page

_WRONG_METHOD = 405


def routes(engine: Engine, *, max_body_bytes: int) -> list[Route]:
    """Return the routes in order: a longer path stands before a shorter one that matches it too."""
    context = ApiContext(engine, max_body_bytes)
    served = [
        *users.routes(context),
        *codes.routes(context),
        *subscribe.routes(context),
        *schedules.routes(context),
        *extensions.routes(context),
        *customers.routes(context),
        *prepare.routes(context),
        *cancel.routes(context),
        *unsupported.routes(context),
        *payments.routes(context),
    ]
    return [*served, *docs_page.routes(served, url=engine.public_url)]


def no_such_route(request: Request, *, http_status: int, allowed: str) -> Response:
    """Return the envelope for an unknown path or method: clients parse JSON unconditionally."""
    facts = {"method": request.method[:10], "path": request.url.path[:200]}
    if http_status == _WRONG_METHOD:
        return errors.refusal(Refused("wrong_method", **facts, allowed=allowed))
    return errors.refusal(NotFound("unknown_route", **facts))


def too_slow() -> Response:
    """Return the envelope for a request whose body did not arrive in time. Nothing was done."""
    response = errors.refusal(Refused("body_too_slow"))
    response.headers["Connection"] = "close"
    return response


def too_busy(retry_after_s: int) -> Response:
    """Return the envelope for a request that a full gateway rejects. Nothing was done."""
    return errors.unavailable(Unavailable("a free slot in this process", retry_after_s))

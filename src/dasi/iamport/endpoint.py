"""What every route has in common: authentication first, then the parameters, then the endpoint.

The order matters: published clients send an invalid token to nonsense paths and expect 401 before
anything else is looked at (Iamport V1 1.2.3).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.engine import Engine
from dasi.foundation.errors import Invalid, Refused, Unavailable
from dasi.iamport import errors
from dasi.iamport.body import read_body, read_query
from dasi.iamport.idempotent import run_idempotent
from dasi.iamport.rendering.payment_cache import PaymentJsonCache
from dasi.iamport.schema.params import CONTROL, Param, parse
from dasi.idempotency import request_fingerprint
from dasi.ledger import Payment
from dasi.merchants import Merchant, authenticate
from dasi.payments import find_by_idempotency_key

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One authenticated request, read and checked."""

    engine: Engine
    merchant: Merchant
    path: dict[str, str]
    params: dict[str, Any]
    """The declared parameters by name; None for absent ones."""
    user_agent: str | None
    idempotency_key: str | None
    """The caller's name for this request, on routes that move money."""
    shows_sandbox: bool
    """Whether payments of test channels are shown to who does not ask for them."""
    payment_cache: PaymentJsonCache


@dataclass(frozen=True, slots=True)
class ApiContext:
    """What the routes of this API work with."""

    engine: Engine
    max_body_bytes: int
    shows_sandbox: bool = True
    payment_cache: PaymentJsonCache = field(default_factory=PaymentJsonCache)


Endpoint = Callable[[ApiRequest], Awaitable[Response]]
Recover = Callable[[ApiRequest], Awaitable[Response | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """What OpenAPI says of a route: from the same values that parse and answer."""

    params: tuple[Param, ...]
    response_type: Any
    """The type of `response`; None where the route only refuses."""
    errors: tuple[str, ...]
    """Reasons of `errors.ERRORS` beside those of every route."""
    statuses: tuple[int, ...]
    summary: str
    require_any: tuple[str, ...] = ()
    """Names of parameters of which at least one is needed. The endpoint itself refuses without."""
    needs_token: bool = True
    supports_idempotency_key: bool = False
    """Whether it honours `Idempotency-Key`."""


class ApiRoute(Route):
    """A route that knows what it takes and gives."""

    spec: RouteSpec


def recover_payment(told: Callable[[Payment], Response]) -> Recover:
    """Of a route that asks the PG: the payment of an earlier try of the same request, as `told`."""

    async def recover(request: ApiRequest) -> Response | None:
        assert request.idempotency_key is not None, "asked only under a key"
        payment = await find_by_idempotency_key(
            request.engine, request.merchant.merchant_id, request.idempotency_key
        )
        return None if payment is None else told(payment)

    return recover


_USER_AGENT_MAX = 500
_CONVERTOR = re.compile(r":\w*path\}")
_BODY_METHODS = ("POST", "PUT")


def route(
    context: ApiContext,
    method: str,
    path: str,
    endpoint: Endpoint,
    *,
    params: tuple[Param, ...] = (),
    require_any: tuple[str, ...] = (),
    reads_body: bool = True,
    response_type: Any = None,
    errors: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (200,),
    recover: Recover | None = None,
) -> list[Route]:
    """The route, with and without a trailing slash.

    Parameters come from the query and, of POST and PUT, from the body, whose word is the last.
    `reads_body=False` never looks at the body. `require_any`, `response_type`, `errors` and
    `statuses` are what OpenAPI tells beside the parameters. `recover` is given by routes that move
    money, and makes them honour `Idempotency-Key`: what an earlier try of the same request did,
    or None if it did nothing.
    """

    async def handle(request: Request) -> Response:
        async def run() -> Response:
            merchant = await authenticate(context.engine, token_of(request))
            given = read_query(request)
            if reads_body and method in _BODY_METHODS:
                given |= await read_body(request, max_bytes=context.max_body_bytes)
            key = request.headers.get("idempotency-key") if recover is not None else None
            api_request = ApiRequest(
                engine=context.engine,
                merchant=merchant,
                path={name: _in_path(name, text) for name, text in request.path_params.items()},
                params=parse(params, given),
                user_agent=request.headers.get("user-agent", "")[:_USER_AGENT_MAX] or None,
                idempotency_key=key,
                shows_sandbox=context.shows_sandbox,
                payment_cache=context.payment_cache,
            )
            if recover is None or key is None:
                return await endpoint(api_request)
            return await run_idempotent(
                context.engine,
                merchant.merchant_id,
                key=key,
                fingerprint=request_fingerprint(
                    f"{method} {path}", {**api_request.path, **api_request.params}
                ),
                act=lambda: endpoint(api_request),
                recover=lambda: recover(api_request),
            )

        return await error_boundary(request, run)

    spec = RouteSpec(
        params=params,
        require_any=require_any,
        response_type=response_type,
        errors=errors,
        statuses=statuses,
        summary=(endpoint.__doc__ or "").partition("\n")[0],
        supports_idempotency_key=recover is not None,
    )
    return _with_trailing_slash(method, path, handle, spec)


def public_route(
    method: str, path: str, handle: Callable[[Request], Awaitable[Response]], spec: RouteSpec
) -> list[Route]:
    """A route that asks for no token."""
    return _with_trailing_slash(method, path, handle, spec)


def _with_trailing_slash(
    method: str, path: str, handle: Callable[[Request], Awaitable[Response]], spec: RouteSpec
) -> list[Route]:
    # A `path` parameter swallows a trailing slash by itself.
    swallows = path.endswith("path}")
    routes = [
        ApiRoute(one, handle, methods=[method])
        for one in ((path,) if swallows else (path, f"{path}/"))
    ]
    for one in routes:
        one.spec = spec
        one.path = _CONVERTOR.sub("}", one.path)  # its name; how it matches is settled by now
    return list(routes)


def _in_path(name: str, text: str) -> str:
    """A path may hold any byte; a zero byte would be refused by the database, as a bug of ours."""
    if CONTROL.search(text):
        raise Invalid(name, "제어 문자를 쓸 수 없습니다")
    return text.rstrip("/")


async def error_boundary(request: Request, run: Callable[[], Awaitable[Response]]) -> Response:
    """Runs an endpoint and turns what it raises into an envelope. Bugs are logged, never shown."""
    try:
        return await run()
    except Refused as refused:
        return errors.refusal(refused)
    except Unavailable as reason:
        log.warning("unavailable", path=request.url.path, what=reason.service)
        return errors.unavailable(reason)
    except Exception:
        # The last place before the server: the caller gets an envelope, the operator the story.
        log.exception("unhandled_exception", method=request.method, path=request.url.path)
        return errors.internal()


def token_of(request: Request) -> str | None:
    """Raw `Authorization`, `Bearer`, `X-ImpTokenHeader` or `_token`: all are in use (1.2.2)."""
    header = request.headers.get("authorization", "").strip()
    if header.lower().startswith("bearer "):
        header = header[7:].strip()
    return (
        header
        or request.headers.get("x-imptokenheader", "").strip()
        or request.query_params.get("_token")
    )

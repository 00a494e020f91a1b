"""The common steps of every route: authentication, then the parameters, then the endpoint.

The order matters: published clients send an invalid token to nonsense paths and expect 401 before
anything else is looked at (Iamport V1 1.2.3).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.audit import ClientInfo
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, Refused, Unavailable
from dasi.http.slots import ShareTaken, Slot, slot_of
from dasi.iamport import errors
from dasi.iamport.body import read_body, read_query
from dasi.iamport.idempotent import run_idempotent
from dasi.iamport.rendering.payment_cache import PaymentJsonCache
from dasi.iamport.schema.json_schema import Param
from dasi.iamport.schema.params import Boolean, parse
from dasi.idempotency import find_by_idempotency_key, request_fingerprint
from dasi.input_rules import CONTROL, normalize_name
from dasi.ledger import Payment
from dasi.merchants import Merchant, authenticate

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
    payment_cache: PaymentJsonCache
    slot: Slot
    """Lets an endpoint wait without holding up others."""

    @property
    def include_sandbox(self) -> bool:
        """Whether test payments, test keys and their schedules take part in this request (M12).

        The request decides. By default they do, except for a live merchant.
        """
        requested = self.requested_sandbox
        return not self.merchant.is_live if requested is None else requested

    @property
    def requested_sandbox(self) -> bool | None:
        """The parameter `include_sandbox` as the client sent it; None without one."""
        requested: bool | None = self.params[INCLUDE_SANDBOX.name]
        return requested

    @property
    def key_is_sandbox(self) -> bool | None:
        """The mode that a charged key must have: live if `include_sandbox` is off, else any."""
        return None if self.include_sandbox else False


@dataclass(frozen=True, slots=True)
class ApiContext:
    """Engine, limits and cache that all routes share."""

    engine: Engine
    max_body_bytes: int
    payment_cache: PaymentJsonCache = field(default_factory=PaymentJsonCache)


Endpoint = Callable[[ApiRequest], Awaitable[Response]]
Recover = Callable[[ApiRequest], Awaitable[Response | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """The description of a route for OpenAPI, from the values that parse and answer."""

    params: tuple[Param, ...]
    response_type: Any
    """The type of `response`; None where the route only refuses."""
    errors: tuple[str, ...]
    """Reasons of `errors.ERRORS` beside those of every route."""
    statuses: tuple[int, ...]
    summary: str
    require_any: tuple[str, ...] = ()
    """Parameters of which at least one is required. The endpoint itself checks that."""
    needs_token: bool = True
    supports_idempotency_key: bool = False
    """Whether it honours `Idempotency-Key`."""


class ApiRoute(Route):
    """A route with its `RouteSpec`."""

    spec: RouteSpec


def recover_payment(respond: Callable[[Payment], Response]) -> Recover:
    """Return a function that finds the payment of an earlier request with the same key.

    `respond` makes the response from that payment.
    """

    async def recover(request: ApiRequest) -> Response | None:
        assert request.idempotency_key is not None, "called only with a key"
        payment = await find_by_idempotency_key(
            request.engine, request.merchant.merchant_id, request.idempotency_key
        )
        return None if payment is None else respond(payment)

    return recover


INCLUDE_SANDBOX = Boolean("include_sandbox")
_USER_AGENT_MAX = 500
_NAMES = ("merchant_uid", "customer_uid")
_CONVERTOR = re.compile(r":\w*path\}")
_BODY_METHODS = ("POST", "PUT")


class _NamePath(PathConvertor):
    """A name with unescaped slashes, which some clients send.

    It is never the path of a longer route of any method: `PUT …/s/retry` must not change the
    order `s/retry`. The escaped name (`s%2Fretry`) is exact.
    """

    regex = r"(?!customers/).*(?<!/payments)(?<!/schedules)(?<!/retry)(?<!/reschedule)(?<!/)"


register_url_convertor("name_path", _NamePath())


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
    """Return the route with and without a trailing slash.

    Parameters come from the query and, for POST and PUT, from the body, which wins over the query.
    With `reads_body=False` the body is never read. Every route takes `include_sandbox`.
    `require_any`, `response_type`, `errors` and `statuses` go into OpenAPI. Routes that move money
    pass `recover` and honour `Idempotency-Key`: `recover` returns what an earlier request with the
    key did, or None if it did nothing.
    """

    all_params = (*params, INCLUDE_SANDBOX)

    async def handle(request: Request) -> Response:
        async def run() -> Response:
            merchant = await authenticate(context.engine, token_of(request))
            slot = slot_of(request)
            slot.assign(merchant.merchant_id)
            fields = read_query(request)
            if reads_body and method in _BODY_METHODS:
                fields |= await read_body(request, max_bytes=context.max_body_bytes)
            key = request.headers.get("idempotency-key") if recover is not None else None
            api_request = ApiRequest(
                engine=context.engine,
                merchant=merchant,
                path={name: _in_path(name, text) for name, text in request.path_params.items()},
                params=parse(all_params, fields),
                user_agent=request.headers.get("user-agent", "")[:_USER_AGENT_MAX] or None,
                idempotency_key=key,
                payment_cache=context.payment_cache,
                slot=slot,
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

    is_body_ignored = not reads_body and method in _BODY_METHODS
    spec = RouteSpec(
        params=params if is_body_ignored else all_params,
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
    """Return a route that needs no token, with and without a trailing slash."""
    return _with_trailing_slash(method, path, handle, spec)


def _with_trailing_slash(
    method: str, path: str, handle: Callable[[Request], Awaitable[Response]], spec: RouteSpec
) -> list[Route]:
    # A `path` parameter matches a trailing slash itself, so the spelling with it stands first.
    routes = [ApiRoute(spelling, handle, methods=[method]) for spelling in (f"{path}/", path)]
    for api_route in routes:
        api_route.spec = spec
        # The name for OpenAPI; Starlette has compiled the pattern already.
        api_route.path = _CONVERTOR.sub("}", api_route.path)
    return list(routes)


def _in_path(name: str, text: str) -> str:
    """Check a value of the path: PostgreSQL stores no zero byte and would raise an error."""
    if CONTROL.search(text):
        raise Invalid(name, "no_control_characters")
    return normalize_name(text) if name in _NAMES else text


async def error_boundary(request: Request, run: Callable[[], Awaitable[Response]]) -> Response:
    """Run an endpoint and turn its exceptions into an envelope. Bugs are logged, never shown."""
    try:
        return await run()
    except Refused as refused:
        return errors.refusal(refused)
    except Unavailable as reason:
        log.warning("unavailable", path=request.url.path, what=reason.service)
        return errors.unavailable(reason)
    except (ClientDisconnect, ShareTaken):
        raise  # for `Admission`
    except Exception:
        # The last place before the server: the client gets an envelope, the operator the traceback.
        log.exception("unhandled_exception", method=request.method, path=request.url.path)
        return errors.internal()


def client_info(request: Request) -> ClientInfo:
    """Return the address and the program of the caller."""
    address = request.client.host if request.client else "unknown"
    user_agent = request.headers.get("user-agent", "")[:_USER_AGENT_MAX]
    return ClientInfo(address=address, user_agent=user_agent)


def token_of(request: Request) -> str | None:
    """Read the token: raw `Authorization`, `Bearer`, `X-ImpTokenHeader` or `_token` (1.2.2)."""
    header = request.headers.get("authorization", "").strip()
    if header.lower().startswith("bearer "):
        header = header[7:].strip()
    return (
        header
        or request.headers.get("x-imptokenheader", "").strip()
        or request.query_params.get("_token")
    )

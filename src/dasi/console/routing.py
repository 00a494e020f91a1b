"""Check every request of the console, then call the endpoint of its route.

The order of the checks: posts from other sites, session, merchant, permission, second factor, form
token. An error of a domain package becomes a page that tells the user what to do.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qsl, quote, urlsplit

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from dasi.audit import ClientInfo
from dasi.authentication import confirm_identity, find_session
from dasi.console.errors import BUG, error_message
from dasi.console.form_error import FormError, field_of, kept_values
from dasi.console.request import (
    DEVICE_COOKIE,
    FORM_COOKIE,
    SESSION_COOKIE,
    ConsoleRequest,
    read_preferences,
)
from dasi.console.templates import Templates
from dasi.engine import Engine
from dasi.foundation.errors import (
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Refused,
    Unavailable,
)
from dasi.http.client_address import client_network
from dasi.http.slots import ShareTaken, slot_of
from dasi.merchants import Merchant, list_merchants
from dasi.recovery import RecoveryState, recovery_state
from dasi.users import Permission, User

log = structlog.get_logger()

FORM_FIELD = "form_token"
CONFIRM_FIELD = "confirm_password"
_PAGES_OF_THEIR_OWN = frozenset(
    {"identity_unconfirmed", "not_signed_in", "second_factor_required", "unknown_link"}
)
"""Refusals that lead to another page than the form's."""
_BODY_MAX_BYTES = 64 * 1024
_FIELDS_MAX = 100
_USER_AGENT_MAX = 300

Access = Literal["anonymous", "mfa_pending", "signed_in"] | Permission
"""anonymous: no session needed. mfa_pending: the second factor is missing. signed_in: any
user. The rest are permissions, for the merchant that the address names (`owner`: everywhere)."""
Endpoint = Callable[[ConsoleRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ConsoleRoute:
    """One address and the access it needs. Tests go through the table of routes."""

    method: Literal["GET", "POST"]
    path: str
    endpoint: Endpoint
    permission: Access


def make_endpoint(
    engine: Engine, templates: Templates, route: ConsoleRoute, form_page: ConsoleRoute | None
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a route, preceded by the checks of its access.

    `form_page` shows the form that leads to this route, and shows it again if it is refused.
    """

    async def handle(http: Request) -> Response:
        preferences = read_preferences(http)
        request = ConsoleRequest(
            engine=engine,
            templates=templates,
            http=http,
            preferences=preferences,
            client=_client_info(http),
            session=None,
            selected_merchant=None,
            merchants=(),
            form={},
            recovery=await _read_mode(engine),
        )
        try:
            request = await _check_request(request, route)
            request = await _confirm_identity(request)
            response = await _call(request, route, form_page)
        except (Refused, Unavailable) as error:
            response = _error_response(request, route, error, form_page)
        except (ClientDisconnect, ShareTaken):
            raise  # for `Admission`
        except Exception:
            # The last place before the server: the user gets a page, the log the exception.
            log.exception("unhandled_exception", method=http.method, path=http.url.path)
            response = request.page("error.html", status=BUG.status, error=BUG, back=None)
        return preferences.save(http, response, path=request.console_url())

    return handle


async def _call(
    request: ConsoleRequest, route: ConsoleRoute, form_page: ConsoleRoute | None
) -> Response:
    """Call the endpoint. If it refuses the form, show the page of the form with the reason."""
    try:
        return await route.endpoint(request)
    except Refused as refused:
        if form_page is None or refused.reason in _PAGES_OF_THEIR_OWN:
            raise
        message = error_message(refused)
        log.info(
            "console_form_refused",
            path=request.http.url.path,
            why=refused.reason,
            status=message.status,
        )
        values = {**request.http.query_params, **request.form}
        shown_again = replace(
            request,
            form_error=FormError(
                action=request.path,
                field=field_of(refused, values),
                message=message,
                values=kept_values(values),
            ),
            form_page_path=_path_of(form_page, request),
        )
        response = await form_page.endpoint(shown_again)
        if "location" in response.headers:  # the page itself leads elsewhere
            raise
        response.status_code = message.status
        return response


def _path_of(page: ConsoleRoute, request: ConsoleRequest) -> str:
    """Return the path of a page about the same objects as this request."""
    names = {name: quote(str(value), safe="") for name, value in request.http.path_params.items()}
    return request.templates.root + page.path.format(**names)


async def _read_mode(engine: Engine) -> RecoveryState | None:
    """Read the mode for the banner of every page; None without a database."""
    try:
        return await recovery_state(engine.database)
    except Unavailable:
        return None


async def _check_request(request: ConsoleRequest, route: ConsoleRoute) -> ConsoleRequest:
    """Return the request with its session, merchant and form.

    Raise `NotAuthenticated`, `NotAllowed`, `NotFound` or `Invalid` at the first check that fails.
    """
    http, engine = request.http, request.engine
    if route.method == "POST" and not is_same_site(http, engine.public_url):
        raise NotAllowed("cross_site")
    cookie = http.cookies.get(SESSION_COOKIE, "")
    session = await find_session(engine, cookie) if cookie else None
    if (
        session is not None
        and not session.is_complete
        and route.permission not in ("mfa_pending", "anonymous")
    ):
        session = None
    if session is None:
        slot_of(http).assign(client_network(http.scope))
    if session is None and route.permission != "anonymous":
        raise NotAuthenticated("not_signed_in")
    merchants: tuple[Merchant, ...] = ()
    if session is not None and session.is_complete:
        merchants = tuple(
            merchant
            for merchant in await list_merchants(engine)
            if session.user.role_in(merchant.merchant_id)
        )
    merchant = _select_merchant(http, merchants)
    request = replace(request, session=session, selected_merchant=merchant, merchants=merchants)
    if session is not None and not _may(session.user, route.permission, merchant):
        raise NotAllowed("role_forbids")
    if session is not None and _must_enroll_mfa(
        session.user, route.permission, merchant, is_exposed=engine.is_exposed
    ):
        raise NotAllowed("second_factor_required")
    if route.method == "POST":
        request = replace(request, form=await read_form(http))
        expected = session.form_token if session else http.cookies.get(FORM_COOKIE, "")
        form_token = request.form.pop(FORM_FIELD, "") or http.headers.get("x-form-token", "")
        if not expected or not hmac.compare_digest(form_token.encode(), expected.encode()):
            raise NotAllowed("form_expired")
    return request


def _select_merchant(http: Request, merchants: tuple[Merchant, ...]) -> Merchant | None:
    """Return the merchant that the path names, and count the request to it.

    None if the path names none; `NotFound` if it is none of the user's.
    """
    code = http.path_params.get("code")
    if code is None:
        return None
    merchant = next((merchant for merchant in merchants if merchant.code == code), None)
    if merchant is None:
        raise NotFound("unknown_page")
    slot_of(http).assign(("console", merchant.merchant_id))
    return merchant


async def _confirm_identity(request: ConsoleRequest) -> ConsoleRequest:
    """Take the password of the page that confirms the identity, if the form holds it.

    Raise `NotAllowed("identity_unconfirmed")` if it is wrong.
    """
    password = request.form.pop(CONFIRM_FIELD, None)
    if password is None or request.session is None:
        return request
    try:
        session = await confirm_identity(
            request.engine, request.session, password, client=request.client
        )
    except NotAuthenticated as wrong:
        raise NotAllowed("identity_unconfirmed", is_wrong=True) from wrong
    return replace(request, session=session)


def _confirm_page(request: ConsoleRequest, route: ConsoleRoute, *, is_wrong: bool) -> Response:
    """Ask for the password. The answer repeats the post with its fields, or leads to the page."""
    fields = request.form
    action = request.path
    if route.method == "GET":
        url = request.http.url
        fields = {"next": f"{url.path}?{url.query}" if url.query else url.path}
        action = request.console_url("/confirm")
    elif request.http.url.query:
        action = f"{action}?{request.http.url.query}"
    return request.page(
        "confirm.html",
        status=HTTPStatus.FORBIDDEN,
        action=action,
        fields=fields,
        confirm_field=CONFIRM_FIELD,
        error=error_message(NotAuthenticated("wrong_password")) if is_wrong else None,
    )


def _may(user: User, permission: Access, merchant: Merchant | None) -> bool:
    if permission == "anonymous" or permission == "mfa_pending" or permission == "signed_in":  # noqa: PLR1714  # mypy narrows by it
        return True
    if permission == "owner" or merchant is None:
        return user.is_owner
    return user.may(permission, merchant.merchant_id)


def _must_enroll_mfa(
    user: User, permission: Access, merchant: Merchant | None, *, is_exposed: bool
) -> bool:
    """Return whether the user has to set up a second factor first.

    The account page stays open, because the user sets it up there.
    """
    if permission == "owner":
        return user.must_enroll_mfa(None, is_exposed=is_exposed)
    return merchant is not None and user.must_enroll_mfa(
        merchant.merchant_id, is_exposed=is_exposed
    )


def is_same_site(request: Request, public_url: str) -> bool:
    """Return whether a post comes from a page of this gateway.

    Every browser names the sender in one of two headers.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return site == "same-origin"
    hosts = {urlsplit(public_url).netloc, request.headers.get("host", "")}
    return urlsplit(origin).netloc in hosts and bool(urlsplit(origin).netloc)


async def read_form(request: Request) -> dict[str, str]:
    """Read a form, at most `_BODY_MAX_BYTES`. Of several fields of one name the last counts."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_MAX_BYTES:
            raise Invalid("body", "bytes_at_most", maximum=_BODY_MAX_BYTES)
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict"
        )
    except ValueError as error:  # a `UnicodeDecodeError` too
        raise Invalid("body", "unicode_form") from error
    return dict(fields)


def _client_info(request: Request) -> ClientInfo:
    address = request.client.host if request.client else "unknown"
    user_agent = request.headers.get("user-agent", "")[:_USER_AGENT_MAX]
    return ClientInfo(
        address=address,
        user_agent=user_agent if user_agent.isprintable() else "",
        device=request.cookies.get(DEVICE_COOKIE, ""),
    )


def _error_response(
    request: ConsoleRequest,
    route: ConsoleRoute,
    error: Refused | Unavailable,
    form_page: ConsoleRoute | None,
) -> Response:
    is_signed_out = isinstance(error, NotAuthenticated) and error.reason == "not_signed_in"
    if is_signed_out and route.method == "GET":
        # Quoted as sent: a slash that is escaped within a name stays so after the sign-in.
        next_path = quote(request.http.scope["raw_path"], safe="/")
        return request.redirect(request.console_url(f"/sign-in?next={next_path}"))
    if isinstance(error, NotAllowed) and error.reason == "second_factor_required":
        return request.redirect(request.console_url("/me#second-factor"))
    if isinstance(error, NotAllowed) and error.reason == "identity_unconfirmed":
        return _confirm_page(request, route, is_wrong="is_wrong" in error.facts)
    message = error_message(error)
    log.info("console_refused", path=request.http.url.path, why=str(error), status=message.status)
    back = None
    if form_page is not None:
        back = _path_of(form_page, request)
    return request.page("error.html", status=message.status, error=message, back=back)

"""Pages to sign in, accept an invitation, reset a password and sign out."""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.responses import Response

from dasi.authentication import LIFE, sign_in, sign_out
from dasi.console.errors import error_message
from dasi.console.request import FORM_COOKIE, SESSION_COOKIE, ConsoleRequest
from dasi.foundation.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Refused,
)
from dasi.one_time_links import accept_invitation, get_invitation, get_reset, use_reset
from dasi.users import PASSWORD_MIN

LINK_COOKIE = "dasi_link"
_LINK_COOKIE_LIFE_S = 30 * 60

_PATH_MAX = 1_000
"""A customer's name of 80 Korean characters takes 720 in a path."""


async def show_sign_in(request: ConsoleRequest) -> Response:
    if request.session is not None and request.session.is_complete:
        return request.redirect(request.console_url())
    next_path = _next_path(request, request.query("next", length_max=_PATH_MAX))
    return request.page("sign_in.html", error=None, email="", next=next_path)


async def post_sign_in(request: ConsoleRequest) -> Response:
    email = request.field("email", length_max=254)
    next_path = _next_path(request, request.field("next", length_max=_PATH_MAX))
    try:
        result = await sign_in(
            request.engine,
            email=email,
            password=request.form.get("password", ""),
            client=request.client,
        )
    except Refused as refused:
        error = error_message(refused)
        return request.page(
            "sign_in.html", status=error.status, error=error, email=email, next=next_path
        )
    if result.needs_second_factor:
        next_path = request.console_url("/second-factor")
    response = request.redirect(next_path)
    request.set_cookie(response, SESSION_COOKIE, result.cookie, life_s=int(LIFE.total_seconds()))
    if result.device:
        request.set_device(response, result.device)
    request.delete_cookie(response, FORM_COOKIE)
    return response


async def post_confirm(request: ConsoleRequest) -> Response:
    """Lead to the page for which the user confirmed the identity."""
    request.require_recent_proof()
    return request.redirect(_next_path(request, request.field("next", length_max=2_000)))


async def post_sign_out(request: ConsoleRequest) -> Response:
    await sign_out(request.engine, request.signed_in_session, client=request.client)
    response = request.redirect(request.console_url("/sign-in?done=signed_out"))
    request.delete_cookie(response, SESSION_COOKIE)
    return response


async def show_join(request: ConsoleRequest) -> Response:
    return await _show_link(request, _join_page)


async def post_join(request: ConsoleRequest) -> Response:
    if "link" in request.form:
        return _keep_link(request, "/join")
    try:
        device = await accept_invitation(
            request.engine,
            _link_of(request),
            email=request.field("email", length_max=254),
            name=request.field("name"),
            password=request.form.get("password", ""),
            client=request.client,
        )
    except (Conflict, Invalid, NotAllowed, NotAuthenticated) as refused:
        return await _join_page(request, refused)
    return _link_used(request, "/sign-in?done=joined", device)


async def _join_page(request: ConsoleRequest, refused: Refused | None) -> Response:
    link = await get_invitation(request.engine, _link_of(request))
    error = error_message(refused) if refused else None
    return request.page(
        "join.html",
        status=error.status if error else 200,
        link=link,
        error=error,
        form=request.form,
        password_min=PASSWORD_MIN,
    )


async def show_reset(request: ConsoleRequest) -> Response:
    return await _show_link(request, _reset_page)


async def post_reset(request: ConsoleRequest) -> Response:
    if "link" in request.form:
        return _keep_link(request, "/reset")
    try:
        device = await use_reset(
            request.engine,
            _link_of(request),
            password=request.form.get("password", ""),
            client=request.client,
        )
    except Invalid as refused:
        return await _reset_page(request, refused)
    return _link_used(request, "/sign-in?done=reset", device)


async def _reset_page(request: ConsoleRequest, refused: Refused | None) -> Response:
    email, ends_second_factor = await get_reset(request.engine, _link_of(request))
    error = error_message(refused) if refused else None
    return request.page(
        "reset.html",
        status=error.status if error else 200,
        error=error,
        email=email,
        ends_second_factor=ends_second_factor,
        password_min=PASSWORD_MIN,
    )


async def _show_link(
    request: ConsoleRequest, show: Callable[[ConsoleRequest, None], Awaitable[Response]]
) -> Response:
    """Show the page of the link that the browser keeps, or the page that opens a link.

    The secret is in the fragment of the link, so no path, log or `Referer` holds it. A script of
    the page posts it, and a cookie keeps it for a while.
    """
    if not _link_of(request):
        return request.page("open_link.html", error=None)
    try:
        return await show(request, None)
    except NotFound as refused:
        error = error_message(refused)
        response = request.page("open_link.html", status=error.status, error=error)
        request.delete_cookie(response, LINK_COOKIE)
        return response


def _link_of(request: ConsoleRequest) -> str:
    """Return the secret of the link that the browser keeps; empty if it keeps none."""
    return request.http.cookies.get(LINK_COOKIE, "")


def _keep_link(request: ConsoleRequest, path: str) -> Response:
    """Let the browser keep the secret of a link, which may be typed as a whole."""
    secret = request.field("link", length_max=2_000).rpartition("#")[2]
    response = request.redirect(request.console_url(path))
    request.set_cookie(response, LINK_COOKIE, secret, life_s=_LINK_COOKIE_LIFE_S)
    return response


def _link_used(request: ConsoleRequest, path: str, device: str) -> Response:
    response = request.redirect(request.console_url(path))
    request.delete_cookie(response, LINK_COOKIE)
    request.set_device(response, device)
    return response


def _next_path(request: ConsoleRequest, path: str) -> str:
    """Return the path if it is a page of the console, else the first page.

    A link must not lead to another site or to a payer's page after the sign-in. A browser resolves
    `..` and `%2e%2e`, and drops tabs and line ends, before it goes there.
    """
    home, decoded = request.console_url(), unquote(path)
    is_plain = decoded.isprintable() and not {".", ".."} & set(decoded.split("/"))
    is_console = path.startswith(f"{home}/") and "//" not in path and "\\" not in decoded
    return path if is_plain and is_console else home

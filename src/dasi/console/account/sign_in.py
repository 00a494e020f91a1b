"""Pages to sign in, accept an invitation, reset a password and sign out."""

from urllib.parse import unquote

from starlette.responses import Response

from dasi.authentication import LIFE, sign_in, sign_out
from dasi.console.errors import error_message
from dasi.console.request import FORM_COOKIE, SESSION_COOKIE, ConsoleRequest
from dasi.foundation.errors import Invalid, Refused
from dasi.users import PASSWORD_MIN, accept_invitation, get_invitation, get_reset, use_reset

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


async def post_sign_out(request: ConsoleRequest) -> Response:
    await sign_out(request.engine, request.signed_in_session, client=request.client)
    response = request.redirect(request.console_url("/sign-in?done=signed_out"))
    request.delete_cookie(response, SESSION_COOKIE)
    return response


async def show_join(request: ConsoleRequest) -> Response:
    link = await get_invitation(request.engine, request.http.path_params["secret"])
    return request.page("join.html", link=link, error=None, form={}, password_min=PASSWORD_MIN)


async def post_join(request: ConsoleRequest) -> Response:
    secret = request.http.path_params["secret"]
    link = await get_invitation(request.engine, secret)
    try:
        device = await accept_invitation(
            request.engine,
            secret,
            email=request.field("email", length_max=254),
            name=request.field("name"),
            password=request.form.get("password", ""),
            client=request.client,
        )
    except Refused as refused:
        error = error_message(refused)
        return request.page(
            "join.html",
            status=error.status,
            link=link,
            error=error,
            form=request.form,
            password_min=PASSWORD_MIN,
        )
    response = request.redirect(request.console_url("/sign-in?done=joined"))
    request.set_device(response, device)
    return response


async def show_reset(request: ConsoleRequest) -> Response:
    return await _ask_new_password(request, None)


async def post_reset(request: ConsoleRequest) -> Response:
    secret = request.http.path_params["secret"]
    try:
        device = await use_reset(
            request.engine, secret, password=request.form.get("password", ""), client=request.client
        )
    except Invalid as refused:
        return await _ask_new_password(request, refused)
    response = request.redirect(request.console_url("/sign-in?done=reset"))
    request.set_device(response, device)
    return response


async def _ask_new_password(request: ConsoleRequest, refused: Invalid | None) -> Response:
    email, ends_second_factor = await get_reset(request.engine, request.http.path_params["secret"])
    error = error_message(refused) if refused else None
    return request.page(
        "reset.html",
        status=error.status if error else 200,
        error=error,
        email=email,
        ends_second_factor=ends_second_factor,
        password_min=PASSWORD_MIN,
    )


def _next_path(request: ConsoleRequest, path: str) -> str:
    """Return the path if it is a page of the console, else the first page.

    A link must not lead to another site or to a payer's page after the sign-in. A browser resolves
    `..` and `%2e%2e`, and drops tabs and line ends, before it goes there.
    """
    home, decoded = request.console_url(), unquote(path)
    is_plain = decoded.isprintable() and not {".", ".."} & set(decoded.split("/"))
    is_console = path.startswith(f"{home}/") and "//" not in path and "\\" not in decoded
    return path if is_plain and is_console else home

"""In and out: the sign-in page, joining by a link, signing out."""

from starlette.responses import Response

from dasi.authentication import LIFE, sign_in, sign_out
from dasi.console.errors import error_message
from dasi.console.routing import FORM_COOKIE, SESSION_COOKIE, ConsoleRequest
from dasi.foundation.errors import Invalid, Refused
from dasi.users import PASSWORD_MIN, accept_invitation, get_invitation, get_reset, use_reset


async def show_sign_in(request: ConsoleRequest) -> Response:
    if request.session is not None and request.session.is_complete:
        return request.redirect(f"{request.templates.root}/console")
    return request.page(
        "sign_in.html", told=None, email="", next=_next(request, request.query("next"))
    )


async def post_sign_in(request: ConsoleRequest) -> Response:
    email = request.field("email", length_max=254)
    going_to = _next(request, request.field("next"))
    try:
        signed_in = await sign_in(
            request.engine,
            email=email,
            password=request.form.get("password", ""),
            client=request.client,
        )
    except Refused as refused:
        told = error_message(refused)
        return request.page(
            "sign_in.html", status=told.status, told=told, email=email, next=going_to
        )
    if signed_in.needs_second_factor:
        going_to = f"{request.templates.root}/console/second-factor"
    response = request.redirect(going_to)
    request.templates.set_cookie(
        response, SESSION_COOKIE, signed_in.cookie, life_s=int(LIFE.total_seconds())
    )
    response.delete_cookie(FORM_COOKIE, path=f"{request.templates.root}/console")
    return response


async def post_sign_out(request: ConsoleRequest) -> Response:
    assert request.session is not None, "this route needs a session"
    await sign_out(request.engine, request.session, client=request.client)
    response = request.redirect(f"{request.templates.root}/console/sign-in?done=signed_out")
    response.delete_cookie(SESSION_COOKIE, path=f"{request.templates.root}/console")
    return response


async def show_join(request: ConsoleRequest) -> Response:
    link = await get_invitation(request.engine, request.http.path_params["secret"])
    return request.page("join.html", link=link, told=None, form={}, password_min=PASSWORD_MIN)


async def post_join(request: ConsoleRequest) -> Response:
    secret = request.http.path_params["secret"]
    link = await get_invitation(request.engine, secret)
    try:
        await accept_invitation(
            request.engine,
            secret,
            email=request.field("email", length_max=254),
            name=request.field("name"),
            password=request.form.get("password", ""),
            client=request.client,
        )
    except Refused as refused:
        told = error_message(refused)
        return request.page(
            "join.html",
            status=told.status,
            link=link,
            told=told,
            form=request.form,
            password_min=PASSWORD_MIN,
        )
    return request.redirect(f"{request.templates.root}/console/sign-in?done=joined")


async def show_reset(request: ConsoleRequest) -> Response:
    return await _ask_new_password(request, None)


async def post_reset(request: ConsoleRequest) -> Response:
    secret = request.http.path_params["secret"]
    try:
        await use_reset(
            request.engine, secret, password=request.form.get("password", ""), client=request.client
        )
    except Invalid as refused:
        return await _ask_new_password(request, refused)
    return request.redirect(f"{request.templates.root}/console/sign-in?done=reset")


async def _ask_new_password(request: ConsoleRequest, refused: Invalid | None) -> Response:
    email, ends_second_factor = await get_reset(request.engine, request.http.path_params["secret"])
    told = error_message(refused) if refused else None
    return request.page(
        "reset.html",
        status=told.status if told else 200,
        told=told,
        email=email,
        ends_second_factor=ends_second_factor,
        password_min=PASSWORD_MIN,
    )


def _next(request: ConsoleRequest, asked: str) -> str:
    """Only to pages of ours: a link must not lead away from here after signing in."""
    home = f"{request.templates.root}/console"
    is_ours = asked.startswith(f"{home}/") and "//" not in asked and "\\" not in asked
    return asked if is_ours else home

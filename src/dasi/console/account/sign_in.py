"""In and out: the sign-in page, joining by a link, signing out."""

from starlette.responses import Response

from dasi.authentication import LIFE, sign_in, sign_out
from dasi.console.errors import error_message
from dasi.console.routing import FORM_COOKIE, SESSION_COOKIE, Visit
from dasi.foundation.errors import Invalid, Refused
from dasi.users import PASSWORD_MIN, accept_invitation, get_invitation, get_reset, use_reset


async def show_sign_in(visit: Visit) -> Response:
    if visit.session is not None and visit.session.is_complete:
        return visit.go(f"{visit.pages.root}/console")
    return visit.page("sign_in.html", told=None, email="", next=_next(visit, visit.query("next")))


async def post_sign_in(visit: Visit) -> Response:
    email = visit.field("email", length_max=254)
    going_to = _next(visit, visit.field("next"))
    try:
        signed_in = await sign_in(
            visit.engine,
            email=email,
            password=visit.form.get("password", ""),
            client=visit.client,
        )
    except Refused as refused:
        told = error_message(refused)
        return visit.page("sign_in.html", status=told.status, told=told, email=email, next=going_to)
    if signed_in.needs_second_factor:
        going_to = f"{visit.pages.root}/console/second-factor"
    response = visit.go(going_to)
    visit.pages.set_cookie(
        response, SESSION_COOKIE, signed_in.cookie, life_s=int(LIFE.total_seconds())
    )
    response.delete_cookie(FORM_COOKIE, path=f"{visit.pages.root}/console")
    return response


async def post_sign_out(visit: Visit) -> Response:
    assert visit.session is not None, "this door needs a session"
    await sign_out(visit.engine, visit.session, client=visit.client)
    response = visit.go(f"{visit.pages.root}/console/sign-in?done=signed_out")
    response.delete_cookie(SESSION_COOKIE, path=f"{visit.pages.root}/console")
    return response


async def show_join(visit: Visit) -> Response:
    link = await get_invitation(visit.engine, visit.request.path_params["secret"])
    return visit.page("join.html", link=link, told=None, form={}, password_min=PASSWORD_MIN)


async def post_join(visit: Visit) -> Response:
    secret = visit.request.path_params["secret"]
    link = await get_invitation(visit.engine, secret)
    try:
        await accept_invitation(
            visit.engine,
            secret,
            email=visit.field("email", length_max=254),
            name=visit.field("name"),
            password=visit.form.get("password", ""),
            client=visit.client,
        )
    except Refused as refused:
        told = error_message(refused)
        return visit.page(
            "join.html",
            status=told.status,
            link=link,
            told=told,
            form=visit.form,
            password_min=PASSWORD_MIN,
        )
    return visit.go(f"{visit.pages.root}/console/sign-in?done=joined")


async def show_reset(visit: Visit) -> Response:
    return await _ask_new_password(visit, None)


async def post_reset(visit: Visit) -> Response:
    secret = visit.request.path_params["secret"]
    try:
        await use_reset(
            visit.engine, secret, password=visit.form.get("password", ""), client=visit.client
        )
    except Invalid as refused:
        return await _ask_new_password(visit, refused)
    return visit.go(f"{visit.pages.root}/console/sign-in?done=reset")


async def _ask_new_password(visit: Visit, refused: Invalid | None) -> Response:
    email, ends_second_factor = await get_reset(visit.engine, visit.request.path_params["secret"])
    told = error_message(refused) if refused else None
    return visit.page(
        "reset.html",
        status=told.status if told else 200,
        told=told,
        email=email,
        ends_second_factor=ends_second_factor,
        password_min=PASSWORD_MIN,
    )


def _next(visit: Visit, asked: str) -> str:
    """Only to pages of ours: a link must not lead away from here after signing in."""
    home = f"{visit.pages.root}/console"
    is_ours = asked.startswith(f"{home}/") and "//" not in asked and "\\" not in asked
    return asked if is_ours else home

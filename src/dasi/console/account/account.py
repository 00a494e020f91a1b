"""One's own page: sessions, password, second factor."""

from starlette.responses import Response

from dasi.authentication import (
    LIFE,
    PASSKEY_NAME_MAX,
    Session,
    begin_passkey_authentication,
    begin_second_factor,
    change_password,
    confirm_second_factor,
    end_second_factor,
    has_passkeys_here,
    list_passkeys,
    list_sessions,
    sign_out_everywhere,
    verify_passkey,
    verify_totp,
)
from dasi.console.errors import error_message
from dasi.console.routing import SESSION_COOKIE, ConsoleRequest
from dasi.foundation.errors import Refused
from dasi.users import PASSWORD_MIN


async def show_me(request: ConsoleRequest) -> Response:
    return request.page(
        "me.html",
        sessions=await list_sessions(request.engine, session_of(request)),
        passkeys=await list_passkeys(request.engine, request.user),
        has_passkeys_here=has_passkeys_here(request.engine),
        passkey_name_max=PASSKEY_NAME_MAX,
        must_enroll_mfa=request.user.must_enroll_mfa(None),
        password_min=PASSWORD_MIN,
    )


async def post_sign_out_everywhere(request: ConsoleRequest) -> Response:
    await sign_out_everywhere(request.engine, session_of(request), client=request.client)
    return request.redirect(f"{request.templates.root}/console/me?done=signed_out")


async def post_password(request: ConsoleRequest) -> Response:
    await change_password(
        request.engine,
        session_of(request),
        old=request.form.get("old", ""),
        new=request.form.get("new", ""),
        client=request.client,
    )
    return request.redirect(f"{request.templates.root}/console/me?done=saved")


async def show_second_factor(request: ConsoleRequest) -> Response:
    """Asked for after the password."""
    if session_of(request).is_complete:
        return request.redirect(f"{request.templates.root}/console")
    return await ask_second_factor(request, None)


async def post_second_factor(request: ConsoleRequest) -> Response:
    try:
        cookie = await verify_totp(
            request.engine, session_of(request), request.form.get("code", ""), client=request.client
        )
    except Refused as refused:
        return await ask_second_factor(request, refused)
    return signed_in(request, cookie)


async def post_passkey(request: ConsoleRequest) -> Response:
    """The same by a passkey."""
    try:
        cookie = await verify_passkey(
            request.engine,
            session_of(request),
            request.form.get("answer", ""),
            client=request.client,
        )
    except Refused as refused:
        return await ask_second_factor(request, refused)
    return signed_in(request, cookie)


async def ask_second_factor(request: ConsoleRequest, refused: Refused | None) -> Response:
    """The ways this user has. Every showing asks the browser for something new to sign."""
    told = error_message(refused) if refused else None
    session = session_of(request)
    has_passkey = session.user.passkeys > 0 and has_passkeys_here(request.engine)
    return request.page(
        "second_factor.html",
        status=told.status if told else 200,
        told=told,
        passkey=await begin_passkey_authentication(request.engine, session)
        if has_passkey
        else None,
        has_totp=session.user.has_totp,
    )


def signed_in(request: ConsoleRequest, cookie: str) -> Response:
    response = request.redirect(f"{request.templates.root}/console")
    request.templates.set_cookie(response, SESSION_COOKIE, cookie, life_s=int(LIFE.total_seconds()))
    return response


async def post_begin(request: ConsoleRequest) -> Response:
    """The secret is on the page that answers, and nowhere after it."""
    secret, uri = await begin_second_factor(
        request.engine, session_of(request), client=request.client
    )
    return request.page("second_factor_begin.html", secret=secret, uri=uri)


async def post_confirm(request: ConsoleRequest) -> Response:
    await confirm_second_factor(
        request.engine, session_of(request), request.form.get("code", ""), client=request.client
    )
    return request.redirect(f"{request.templates.root}/console/me?done=saved")


async def post_end(request: ConsoleRequest) -> Response:
    await end_second_factor(
        request.engine, session_of(request), request.form.get("code", ""), client=request.client
    )
    return request.redirect(f"{request.templates.root}/console/me?done=off")


def session_of(request: ConsoleRequest) -> Session:
    assert request.session is not None, "this route needs a session"
    return request.session

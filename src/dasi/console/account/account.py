"""The account page: sessions, password, second factor."""

from starlette.responses import Response

from dasi.authentication import (
    LIFE,
    SignInResult,
    begin_second_factor,
    change_password,
    confirm_second_factor,
    end_second_factor,
    list_sessions,
    sign_out_everywhere,
    verify_totp,
)
from dasi.console.errors import error_message
from dasi.console.request import SESSION_COOKIE, ConsoleRequest
from dasi.foundation.errors import Refused
from dasi.passkeys import (
    PASSKEY_NAME_MAX,
    begin_passkey_authentication,
    has_passkeys_here,
    list_passkeys,
    verify_passkey,
)
from dasi.users import PASSWORD_MIN


async def show_me(request: ConsoleRequest) -> Response:
    return request.page(
        "me.html",
        sessions=await list_sessions(request.engine, request.signed_in_session),
        passkeys=await list_passkeys(request.engine, request.user),
        has_passkeys_here=has_passkeys_here(request.engine),
        passkey_name_max=PASSKEY_NAME_MAX,
        must_enroll_mfa=request.user.must_enroll_mfa(None, is_exposed=request.engine.is_exposed),
        password_min=PASSWORD_MIN,
    )


async def post_sign_out_everywhere(request: ConsoleRequest) -> Response:
    await sign_out_everywhere(request.engine, request.signed_in_session, client=request.client)
    return request.redirect(request.console_url("/me?done=signed_out"))


async def post_password(request: ConsoleRequest) -> Response:
    await change_password(
        request.engine,
        request.signed_in_session,
        old=request.form.get("old", ""),
        new=request.form.get("new", ""),
        client=request.client,
    )
    return request.redirect(request.console_url("/me?done=saved"))


async def show_second_factor(request: ConsoleRequest) -> Response:
    """Show the second step of a sign-in."""
    if request.signed_in_session.is_complete:
        return request.redirect(request.console_url())
    return await _second_factor_page(request, None)


async def post_second_factor(request: ConsoleRequest) -> Response:
    try:
        signed_in = await verify_totp(
            request.engine,
            request.signed_in_session,
            request.form.get("code", ""),
            client=request.client,
        )
    except Refused as refused:
        return await _second_factor_page(request, refused)
    return _signed_in(request, signed_in)


async def post_passkey(request: ConsoleRequest) -> Response:
    """Complete a sign-in by a passkey."""
    try:
        signed_in = await verify_passkey(
            request.engine,
            request.signed_in_session,
            request.form.get("answer", ""),
            client=request.client,
        )
    except Refused as refused:
        return await _second_factor_page(request, refused)
    return _signed_in(request, signed_in)


async def _second_factor_page(request: ConsoleRequest, refused: Refused | None) -> Response:
    """Show the second factors of this user. Each page carries a new passkey challenge."""
    error = error_message(refused) if refused else None
    session = request.signed_in_session
    has_passkey = session.user.passkeys > 0 and has_passkeys_here(request.engine)
    return request.page(
        "second_factor.html",
        status=error.status if error else 200,
        error=error,
        passkey=await begin_passkey_authentication(request.engine, session)
        if has_passkey
        else None,
        has_totp=session.user.has_totp,
    )


def _signed_in(request: ConsoleRequest, signed_in: SignInResult) -> Response:
    response = request.redirect(request.console_url())
    life_s = int(LIFE.total_seconds())
    request.set_cookie(response, SESSION_COOKIE, signed_in.cookie, life_s=life_s)
    request.set_device(response, signed_in.device)
    return response


async def post_begin(request: ConsoleRequest) -> Response:
    """Start to set up an authenticator app. Only this page shows the secret."""
    secret, uri = await begin_second_factor(
        request.engine,
        request.signed_in_session,
        password=request.form.get("password", ""),
        client=request.client,
    )
    return request.page("second_factor_begin.html", secret=secret, uri=uri)


async def post_confirm(request: ConsoleRequest) -> Response:
    await confirm_second_factor(
        request.engine,
        request.signed_in_session,
        request.form.get("code", ""),
        client=request.client,
    )
    return request.redirect(request.console_url("/me?done=saved"))


async def post_end(request: ConsoleRequest) -> Response:
    await end_second_factor(
        request.engine,
        request.signed_in_session,
        password=request.form.get("password", ""),
        client=request.client,
    )
    return request.redirect(request.console_url("/me?done=off"))

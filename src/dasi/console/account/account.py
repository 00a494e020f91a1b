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
from dasi.console.routing import SESSION_COOKIE, Visit
from dasi.foundation.errors import Refused
from dasi.users import PASSWORD_MIN


async def show_me(visit: Visit) -> Response:
    return visit.page(
        "me.html",
        sessions=await list_sessions(visit.engine, session_of(visit)),
        passkeys=await list_passkeys(visit.engine, visit.user),
        has_passkeys_here=has_passkeys_here(visit.engine),
        passkey_name_max=PASSKEY_NAME_MAX,
        must_enroll_mfa=visit.user.must_enroll_mfa(None),
        password_min=PASSWORD_MIN,
    )


async def post_sign_out_everywhere(visit: Visit) -> Response:
    await sign_out_everywhere(visit.engine, session_of(visit), client=visit.client)
    return visit.go(f"{visit.pages.root}/console/me?done=signed_out")


async def post_password(visit: Visit) -> Response:
    await change_password(
        visit.engine,
        session_of(visit),
        old=visit.form.get("old", ""),
        new=visit.form.get("new", ""),
        client=visit.client,
    )
    return visit.go(f"{visit.pages.root}/console/me?done=saved")


async def show_second_factor(visit: Visit) -> Response:
    """Asked for after the password."""
    if session_of(visit).is_complete:
        return visit.go(f"{visit.pages.root}/console")
    return await ask_second_factor(visit, None)


async def post_second_factor(visit: Visit) -> Response:
    try:
        cookie = await verify_totp(
            visit.engine, session_of(visit), visit.form.get("code", ""), client=visit.client
        )
    except Refused as refused:
        return await ask_second_factor(visit, refused)
    return signed_in(visit, cookie)


async def post_passkey(visit: Visit) -> Response:
    """The same by a passkey."""
    try:
        cookie = await verify_passkey(
            visit.engine, session_of(visit), visit.form.get("answer", ""), client=visit.client
        )
    except Refused as refused:
        return await ask_second_factor(visit, refused)
    return signed_in(visit, cookie)


async def ask_second_factor(visit: Visit, refused: Refused | None) -> Response:
    """The ways this user has. Every showing asks the browser for something new to sign."""
    told = error_message(refused) if refused else None
    session = session_of(visit)
    has_passkey = session.user.passkeys > 0 and has_passkeys_here(visit.engine)
    return visit.page(
        "second_factor.html",
        status=told.status if told else 200,
        told=told,
        passkey=await begin_passkey_authentication(visit.engine, session) if has_passkey else None,
        has_totp=session.user.has_totp,
    )


def signed_in(visit: Visit, cookie: str) -> Response:
    response = visit.go(f"{visit.pages.root}/console")
    visit.pages.set_cookie(response, SESSION_COOKIE, cookie, life_s=int(LIFE.total_seconds()))
    return response


async def post_begin(visit: Visit) -> Response:
    """The secret is on the page that answers, and nowhere after it."""
    secret, uri = await begin_second_factor(visit.engine, session_of(visit), client=visit.client)
    return visit.page("second_factor_begin.html", secret=secret, uri=uri)


async def post_confirm(visit: Visit) -> Response:
    await confirm_second_factor(
        visit.engine, session_of(visit), visit.form.get("code", ""), client=visit.client
    )
    return visit.go(f"{visit.pages.root}/console/me?done=saved")


async def post_end(visit: Visit) -> Response:
    await end_second_factor(
        visit.engine, session_of(visit), visit.form.get("code", ""), client=visit.client
    )
    return visit.go(f"{visit.pages.root}/console/me?done=off")


def session_of(visit: Visit) -> Session:
    assert visit.session is not None, "this door needs a session"
    return visit.session

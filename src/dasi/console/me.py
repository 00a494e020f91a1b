"""One's own page: sessions, password, second factor."""

from starlette.responses import Response

from dasi.console.door import Visit
from dasi.people import (
    PASSWORD_MIN,
    Session,
    change_password,
    list_sessions,
    sign_out_everywhere,
)


async def show_me(visit: Visit) -> Response:
    return visit.page(
        "me.html",
        sessions=await list_sessions(visit.engine, session_of(visit)),
        password_min=PASSWORD_MIN,
    )


async def post_sign_out_everywhere(visit: Visit) -> Response:
    await sign_out_everywhere(visit.engine, session_of(visit), origin=visit.origin)
    return visit.go(f"{visit.pages.root}/console/me?done=signed_out")


async def post_password(visit: Visit) -> Response:
    await change_password(
        visit.engine,
        session_of(visit),
        old=visit.form.get("old", ""),
        new=visit.form.get("new", ""),
        origin=visit.origin,
    )
    return visit.go(f"{visit.pages.root}/console/me?done=saved")


def session_of(visit: Visit) -> Session:
    assert visit.session is not None, "this door needs a session"
    return visit.session

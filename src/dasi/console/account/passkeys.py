"""One's own passkeys: adding one in the browser, its name, its end."""

from starlette.responses import Response

from dasi.authentication import (
    PASSKEY_NAME_MAX,
    add_passkey,
    begin_passkey_registration,
    remove_passkey,
    rename_passkey,
)
from dasi.console.account.account import session_of
from dasi.console.routing import Visit
from dasi.foundation.errors import Invalid

_ID_DIGITS_MAX = 15  # fits bigint


async def show_new(visit: Visit) -> Response:
    """Asks the browser for a new one: each showing is good once."""
    return visit.page(
        "passkey_new.html",
        options=await begin_passkey_registration(visit.engine, session_of(visit)),
        name_max=PASSKEY_NAME_MAX,
    )


async def post_new(visit: Visit) -> Response:
    await add_passkey(
        visit.engine,
        session_of(visit),
        answer=visit.form.get("answer", ""),
        name=visit.field("name"),
        client=visit.client,
    )
    return visit.go(f"{visit.pages.root}/console/me?done=added")


async def post_rename(visit: Visit) -> Response:
    await rename_passkey(
        visit.engine,
        session_of(visit),
        _passkey_id(visit),
        name=visit.field("name"),
        client=visit.client,
    )
    return visit.go(f"{visit.pages.root}/console/me?done=saved")


async def post_remove(visit: Visit) -> Response:
    await remove_passkey(
        visit.engine,
        session_of(visit),
        _passkey_id(visit),
        password=visit.form.get("password", ""),
        client=visit.client,
    )
    return visit.go(f"{visit.pages.root}/console/me?done=removed")


def _passkey_id(visit: Visit) -> int:
    told = str(visit.request.path_params["passkey_id"])
    if not told.isascii() or not told.isdigit() or len(told) > _ID_DIGITS_MAX:
        raise Invalid("passkey_id", "a number")
    return int(told)

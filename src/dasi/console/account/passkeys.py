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
from dasi.console.routing import ConsoleRequest
from dasi.foundation.errors import Invalid

_ID_DIGITS_MAX = 15  # fits bigint


async def show_new(request: ConsoleRequest) -> Response:
    """Asks the browser for a new one: each showing is good once."""
    return request.page(
        "passkey_new.html",
        options=await begin_passkey_registration(request.engine, session_of(request)),
        name_max=PASSKEY_NAME_MAX,
    )


async def post_new(request: ConsoleRequest) -> Response:
    await add_passkey(
        request.engine,
        session_of(request),
        answer=request.form.get("answer", ""),
        name=request.field("name"),
        client=request.client,
    )
    return request.redirect(f"{request.templates.root}/console/me?done=added")


async def post_rename(request: ConsoleRequest) -> Response:
    await rename_passkey(
        request.engine,
        session_of(request),
        _passkey_id(request),
        name=request.field("name"),
        client=request.client,
    )
    return request.redirect(f"{request.templates.root}/console/me?done=saved")


async def post_remove(request: ConsoleRequest) -> Response:
    await remove_passkey(
        request.engine,
        session_of(request),
        _passkey_id(request),
        password=request.form.get("password", ""),
        client=request.client,
    )
    return request.redirect(f"{request.templates.root}/console/me?done=removed")


def _passkey_id(request: ConsoleRequest) -> int:
    told = str(request.http.path_params["passkey_id"])
    if not told.isascii() or not told.isdigit() or len(told) > _ID_DIGITS_MAX:
        raise Invalid("passkey_id", "number")
    return int(told)

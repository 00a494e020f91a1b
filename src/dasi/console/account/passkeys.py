"""Pages to add, rename and remove a passkey."""

from starlette.responses import Response

from dasi.console.request import ConsoleRequest
from dasi.passkeys import (
    PASSKEY_NAME_MAX,
    add_passkey,
    begin_passkey_registration,
    remove_passkey,
    rename_passkey,
)


async def show_new(request: ConsoleRequest) -> Response:
    """Show the form that asks the browser for a new passkey. Each page works once."""
    return request.page(
        "passkey_new.html",
        options=await begin_passkey_registration(request.engine, request.signed_in_session),
        name_max=PASSKEY_NAME_MAX,
    )


async def post_new(request: ConsoleRequest) -> Response:
    await add_passkey(
        request.engine,
        request.signed_in_session,
        answer=request.form.get("answer", ""),
        name=request.field("name"),
        password=request.form.get("password", ""),
        client=request.client,
    )
    return request.redirect(request.console_url("/me?done=added"))


async def post_rename(request: ConsoleRequest) -> Response:
    await rename_passkey(
        request.engine,
        request.signed_in_session,
        request.path_id("passkey_id"),
        name=request.field("name"),
        client=request.client,
    )
    return request.redirect(request.console_url("/me?done=saved"))


async def post_remove(request: ConsoleRequest) -> Response:
    await remove_passkey(
        request.engine,
        request.signed_in_session,
        request.path_id("passkey_id"),
        password=request.form.get("password", ""),
        client=request.client,
    )
    return request.redirect(request.console_url("/me?done=removed"))

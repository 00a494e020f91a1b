"""API keys: shown once, rotated with both alive for a while, revoked."""

from datetime import timedelta

from starlette.responses import Response

from dasi.console.routing import ConsoleRequest
from dasi.foundation.errors import Invalid
from dasi.merchants import NewApiKey, add_api_key, list_api_keys, revoke_api_key, rotate_api_key

OVERLAPS_H = (0, 1, 24, 168)


async def show_list(request: ConsoleRequest) -> Response:
    return await _page(request, new=None)


async def post_new(request: ConsoleRequest) -> Response:
    new = await add_api_key(request.engine, request.merchant)
    await request.audit("api_key_added", target=new.api_key)
    return await _page(request, new=new)


async def post_rotate(request: ConsoleRequest) -> Response:
    told = request.field("keep_h")
    if not told.isascii() or not told.isdigit() or int(told) not in OVERLAPS_H:
        raise Invalid("keep_h", "one_of", values=OVERLAPS_H)
    api_key = request.http.path_params["api_key"]
    new = await rotate_api_key(
        request.engine, request.merchant, api_key, keep_old_for=timedelta(hours=int(told))
    )
    await request.audit(
        "api_key_rotated", target=api_key, detail=f"{new.api_key}, {told} h overlap"
    )
    return await _page(request, new=new)


async def post_revoke(request: ConsoleRequest) -> Response:
    api_key = request.http.path_params["api_key"]
    await revoke_api_key(request.engine, request.merchant, api_key)
    await request.audit("api_key_revoked", target=api_key)
    return request.redirect(f"{request.url('/api-keys')}?done=revoked")


async def _page(request: ConsoleRequest, *, new: NewApiKey | None) -> Response:
    """The new key is on the page that answers the post, and nowhere after it."""
    return request.page(
        "api_keys.html",
        keys=await list_api_keys(request.engine, request.merchant),
        new=new,
        overlaps=OVERLAPS_H,
        may_configure=request.user.may("configure", request.merchant_id),
    )

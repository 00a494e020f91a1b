"""API keys: shown once, rotated with both alive for a while, revoked."""

from datetime import timedelta

from starlette.responses import Response

from dasi.console.routing import Visit
from dasi.foundation.errors import Invalid
from dasi.merchants import NewApiKey, add_api_key, list_api_keys, revoke_api_key, rotate_api_key

OVERLAPS_H = (0, 1, 24, 168)


async def show_list(visit: Visit) -> Response:
    return await _page(visit, new=None)


async def post_new(visit: Visit) -> Response:
    new = await add_api_key(visit.engine, visit.merchant)
    await visit.note("api_key_added", target=new.api_key)
    return await _page(visit, new=new)


async def post_rotate(visit: Visit) -> Response:
    told = visit.field("keep_h")
    if not told.isascii() or not told.isdigit() or int(told) not in OVERLAPS_H:
        raise Invalid("keep_h", f"one of: {', '.join(map(str, OVERLAPS_H))}")
    api_key = visit.request.path_params["api_key"]
    new = await rotate_api_key(
        visit.engine, visit.merchant, api_key, keep_old_for=timedelta(hours=int(told))
    )
    await visit.note("api_key_rotated", target=api_key, detail=f"{new.api_key}, {told} h overlap")
    return await _page(visit, new=new)


async def post_revoke(visit: Visit) -> Response:
    api_key = visit.request.path_params["api_key"]
    await revoke_api_key(visit.engine, visit.merchant, api_key)
    await visit.note("api_key_revoked", target=api_key)
    return visit.go(f"{visit.address('/api-keys')}?done=revoked")


async def _page(visit: Visit, *, new: NewApiKey | None) -> Response:
    """The new key is on the page that answers the post, and nowhere after it."""
    return visit.page(
        "api_keys.html",
        keys=await list_api_keys(visit.engine, visit.merchant),
        new=new,
        overlaps=OVERLAPS_H,
        may_configure=visit.user.may("configure", visit.merchant_id),
    )

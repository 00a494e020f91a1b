"""Pages to choose and add a merchant, and of a merchant's API keys."""

from datetime import timedelta

from starlette.responses import Response

from dasi.console.errors import error_message
from dasi.console.request import ConsoleRequest
from dasi.foundation.errors import Refused
from dasi.merchants import (
    NewApiKey,
    add_api_key,
    add_merchant_with_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)

OVERLAPS_H = (0, 1, 24, 168)
"""For how many hours a replaced key still works."""


async def show_home(request: ConsoleRequest) -> Response:
    """Redirect to the only merchant, or show the list of merchants."""
    if len(request.merchants) == 1 and not request.query("all"):
        return request.redirect(request.console_url(f"/merchants/{request.merchants[0].code}"))
    return request.page("merchants.html", error=None, form={})


async def post_merchant(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    try:
        merchant, key = await add_merchant_with_key(
            request.engine,
            code=request.field("code"),
            name=request.field("name"),
            webhook_url=request.field("webhook_url", length_max=2000) or None,
        )
    except Refused as refused:
        error = error_message(refused)
        return request.page("merchants.html", status=error.status, error=error, form=request.form)
    await request.audit("merchant_added", target=merchant.code, detail=merchant.name)
    return request.page("merchant_added.html", added=merchant, key=key)


async def show_api_keys(request: ConsoleRequest) -> Response:
    return await _api_keys_page(request, new=None)


async def post_api_key(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    new = await add_api_key(request.engine, request.merchant)
    await request.audit("api_key_added", target=new.api_key)
    return await _api_keys_page(request, new=new)


async def post_rotate_api_key(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    overlap_h = int(request.choice("keep_h", OVERLAPS_H))
    api_key = request.http.path_params["api_key"]
    new = await rotate_api_key(
        request.engine, request.merchant, api_key, keep_old_for=timedelta(hours=overlap_h)
    )
    await request.audit(
        "api_key_rotated", target=api_key, detail=f"{new.api_key}, {overlap_h} h overlap"
    )
    return await _api_keys_page(request, new=new)


async def post_revoke_api_key(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    api_key = request.http.path_params["api_key"]
    await revoke_api_key(request.engine, request.merchant, api_key)
    await request.audit("api_key_revoked", target=api_key)
    return request.redirect(f"{request.url('/api-keys')}?done=revoked")


async def _api_keys_page(request: ConsoleRequest, *, new: NewApiKey | None) -> Response:
    """Show the API keys. Only the page after the post shows the secret of a new key."""
    return request.page(
        "api_keys.html",
        keys=await list_api_keys(request.engine, request.merchant),
        new=new,
        overlaps=OVERLAPS_H,
        may_configure=request.user.may("configure", request.merchant_id),
    )

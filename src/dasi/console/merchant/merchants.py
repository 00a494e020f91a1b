"""Pages to choose and add a merchant, and of a merchant's API keys."""

from datetime import timedelta
from functools import partial

from starlette.responses import Response

from dasi.console.confirmation import Fact, Review, counted, moment
from dasi.console.labels.label import Label
from dasi.console.merchant.overlap import read_overlap
from dasi.console.request import ConsoleRequest
from dasi.foundation.errors import NotFound
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
    if len(request.merchants) == 1 and not request.query("all") and not request.form_error:
        return request.redirect(request.console_url(f"/merchants/{request.merchants[0].code}"))
    return request.page("merchants.html")


async def post_merchant(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    merchant, key = await add_merchant_with_key(
        request.engine,
        code=request.field("code"),
        name=request.field("name"),
        webhook_url=request.field("webhook_url", length_max=2000) or None,
    )
    await request.audit("merchant_added", target=merchant.code, detail=merchant.name)
    return request.page("merchant_added.html", added=merchant, key=key)


async def show_api_keys(request: ConsoleRequest) -> Response:
    return await _api_keys_page(request, new=None)


async def post_api_key(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    new = await add_api_key(request.engine, request.merchant)
    await request.audit("api_key_added", target=new.api_key)
    return await _api_keys_page(request, new=new)


async def review_rotate(request: ConsoleRequest) -> Review:
    request.require_recent_proof()
    facts = await _key_facts(request)
    api_key = request.http.path_params["api_key"]
    hours, lasting = read_overlap(request, OVERLAPS_H)
    return Review(
        title=Label("API 키를 교체할까요?", "Rotate this API key?"),
        warning=Label(
            "새 키와 시크릿을 발급합니다. 시크릿은 다음 화면에서 한 번만 표시합니다. 기존 키의 "
            "만료는 되돌릴 수 없습니다.",
            "A new key is issued. The next page shows its secret once. The end of the old key "
            "cannot be undone.",
        ),
        facts=(*facts, (Label("기존 키 만료", "Old key ends"), lasting)),
        button=Label("교체", "Rotate"),
        back=request.url("/api-keys"),
        act=partial(_rotate, request, api_key, hours),
    )


async def review_revoke(request: ConsoleRequest) -> Review:
    request.require_recent_proof()
    facts = await _key_facts(request)
    api_key = request.http.path_params["api_key"]
    keys = await list_api_keys(request.engine, request.merchant)
    return Review(
        title=Label("API 키를 폐기할까요?", "Revoke this API key?"),
        warning=Label(
            "이 키를 쓰는 서버의 API 요청이 바로 거절됩니다. 되돌릴 수 없습니다.",
            "API requests of servers with this key are refused at once. This cannot be undone.",
        ),
        facts=(
            *facts,
            (Label("남는 API 키", "API keys that remain"), counted(len(keys) - 1, "개")),
        ),
        button=Label("폐기", "Revoke"),
        back=request.url("/api-keys"),
        act=partial(_revoke, request, api_key),
        asks_reason=True,
        typed=api_key,
    )


async def _key_facts(request: ConsoleRequest) -> tuple[Fact, ...]:
    """Return the facts of the key that the address names, its name first. Raise `NotFound`."""
    for key in await list_api_keys(request.engine, request.merchant):
        if key.api_key == request.http.path_params["api_key"]:
            return (
                (Label("imp_key", "imp_key"), key.api_key),
                (Label("발급", "Issued"), moment(key.created_at)),
                (Label("마지막 사용", "Last used"), moment(key.used_at)),
            )
    raise NotFound("unknown_api_key")


async def _rotate(request: ConsoleRequest, api_key: str, hours: int, _reason: str) -> Response:
    new = await rotate_api_key(
        request.engine, request.merchant, api_key, keep_old_for=timedelta(hours=hours)
    )
    await request.audit(
        "api_key_rotated", target=api_key, detail=f"{new.api_key}, {hours} h overlap"
    )
    return await _api_keys_page(request, new=new)


async def _revoke(request: ConsoleRequest, api_key: str, reason: str) -> Response:
    await revoke_api_key(request.engine, request.merchant, api_key)
    await request.audit("api_key_revoked", target=api_key, detail=reason)
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

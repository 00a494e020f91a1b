"""Members of a merchant, and the audit log of what they did."""

import csv
import io
from collections.abc import AsyncIterator
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from dasi.audit import AuditEntry, list_audit
from dasi.console.payments.payments import safe_cell
from dasi.console.routing import ConsoleRequest
from dasi.console.templates import SECURITY_HEADERS
from dasi.foundation.errors import Invalid
from dasi.users import (
    GIVEN_ROLES,
    Role,
    invite,
    list_members,
    mfa_roles,
    remove_member,
    set_mfa_policy,
)

PAGE = 100
_EXPORT_PAGE = 1_000


async def show_members(request: ConsoleRequest) -> Response:
    return await _page(request, link=None)


async def post_invite(request: ConsoleRequest) -> Response:
    role = request.field("role")
    if role not in set(GIVEN_ROLES):
        raise Invalid("role", "one_of", values=GIVEN_ROLES)
    email = request.field("email", length_max=254)
    link = await invite(
        request.engine, request.merchant_id, email=email, role=Role(role), made_by=request.user
    )
    await request.audit("member_invited", target=email, detail=role)
    return await _page(request, link=link)


async def post_remove(request: ConsoleRequest) -> Response:
    told = request.http.path_params["user_id"]
    if not told.isascii() or not told.isdigit() or len(told) > 15:  # noqa: PLR2004  # fits bigint
        raise Invalid("user_id", "number")
    members = await list_members(request.engine, request.merchant_id)
    email = next((one.email for one in members if one.user_id == int(told)), told)
    await remove_member(request.engine, request.merchant_id, int(told))
    await request.audit("member_removed", target=email)
    return request.redirect(f"{request.url('/members')}?done=removed")


async def post_second_factor(request: ConsoleRequest) -> Response:
    """Which roles see this merchant only with a second factor."""
    roles = [role for role in Role if request.field(f"role_{role}") == "on"]
    await set_mfa_policy(request.engine, request.merchant_id, roles)
    await request.audit("mfa_policy_changed", detail=", ".join(roles) or "nobody")
    return request.redirect(f"{request.url('/members')}?done=saved")


async def show_audit(request: ConsoleRequest) -> Response:
    entries = await _entries(request, before=_before(request), limit=PAGE + 1)
    words = request.query("q")
    kept = {"q": words} if words else {}
    next_url = None
    if len(entries) > PAGE:
        next_url = "?" + urlencode({**kept, "before": entries[PAGE - 1].position})
    return request.page(
        "audit.html",
        entries=entries[:PAGE],
        asked=words,
        next_url=next_url,
        export="?" + urlencode(kept),
    )


async def export_audit(request: ConsoleRequest) -> Response:
    await request.audit("audit_exported", detail=request.query("q") or None)

    async def lines() -> AsyncIterator[str]:
        yield "\ufeff" + _line(
            ["created_at", "email", "action", "target", "detail", "address", "user_agent"]
        )
        before: int | None = None
        while entries := await _entries(request, before=before, limit=_EXPORT_PAGE):
            for entry in entries:
                told = (
                    entry.email,
                    entry.action,
                    entry.target,
                    entry.detail,
                    entry.address,
                    entry.user_agent,
                )
                yield _line([entry.created_at.isoformat(), *(safe_cell(one or "") for one in told)])
            before = entries[-1].position

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={
            **SECURITY_HEADERS,
            "Content-Disposition": f'attachment; filename="audit-{request.merchant.code}.csv"',
        },
    )


async def _entries(request: ConsoleRequest, *, before: int | None, limit: int) -> list[AuditEntry]:
    return await list_audit(
        request.engine,
        request.merchant_id,
        with_merchantless=request.user.is_owner,
        words=request.query("q") or None,
        before=before,
        limit=limit,
    )


async def _page(request: ConsoleRequest, *, link: str | None) -> Response:
    return request.page(
        "members.html",
        members=await list_members(request.engine, request.merchant_id),
        link=link,
        roles=GIVEN_ROLES,
        every_role=tuple(Role),
        mfa_roles=await mfa_roles(request.engine, request.merchant_id),
        may_manage_members=request.user.may("manage_members", request.merchant_id),
    )


def _before(request: ConsoleRequest) -> int | None:
    told = request.query("before", length_max=15)
    return int(told) if told.isascii() and told.isdigit() else None


def _line(cells: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()

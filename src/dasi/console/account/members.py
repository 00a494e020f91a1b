"""Pages of a merchant's members and of its audit log."""

from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import urlencode

from starlette.responses import Response

from dasi.audit import AuditEntry, list_audit
from dasi.authentication import mfa_roles, set_mfa_policy
from dasi.console.confirmation import Review
from dasi.console.labels.label import Label
from dasi.console.labels.settings import ROLE
from dasi.console.request import ConsoleRequest, whole_number
from dasi.foundation.errors import NotFound
from dasi.one_time_links import invite, list_invitations, withdraw_invitation
from dasi.users import (
    MEMBER_ROLES,
    Role,
    change_role,
    disable_user,
    enable_user,
    list_members,
    list_users,
    remove_member,
)

PAGE = 100
_EXPORT_PAGE = 1_000
_COLUMNS = ("email", "action", "target", "detail", "address", "user_agent")


async def show_members(request: ConsoleRequest) -> Response:
    return await _page(request, link=None)


async def post_invite(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    role = request.choice("role", MEMBER_ROLES)
    email = request.field("email", length_max=254)
    link = await invite(
        request.engine, request.merchant_id, email=email, role=Role(role), made_by=request.user
    )
    await request.audit("member_invited", target=email, detail=role)
    return await _page(request, link=link)


async def review_remove(request: ConsoleRequest) -> Review:
    user_id = request.path_id("user_id")
    members = await list_members(request.engine, request.merchant_id)
    member = next((member for member in members if member.user_id == user_id), None)
    if member is None:
        raise NotFound("unknown_user")
    return Review(
        title=Label("구성원에서 제외할까요?", "Remove this member?"),
        warning=Label(
            "이 가맹점을 바로 볼 수 없게 됩니다. 다시 쓰려면 새로 초대해야 합니다.",
            "The member loses access to this merchant at once and needs a new invitation to "
            "return.",
        ),
        facts=(
            (Label("이름", "Name"), member.name),
            (Label("이메일", "Email"), member.email),
            (Label("역할", "Role"), ROLE[member.role]),
            (Label("가맹점", "Merchant"), request.merchant.name),
        ),
        button=Label("제외", "Remove"),
        back=request.url("/members"),
        act=partial(_remove, request, user_id, member.email),
        asks_reason=True,
    )


async def _remove(request: ConsoleRequest, user_id: int, email: str, reason: str) -> Response:
    await remove_member(request.engine, request.merchant_id, user_id)
    await request.audit("member_removed", target=email, detail=reason)
    return request.redirect(f"{request.url('/members')}?done=removed")


async def post_role(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    role = request.choice("role", MEMBER_ROLES)
    await change_role(
        request.engine,
        request.merchant_id,
        request.path_id("user_id"),
        Role(role),
        by=request.user,
        client=request.client,
    )
    return request.redirect(f"{request.url('/members')}?done=saved")


async def post_disable(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    await disable_user(
        request.engine, request.path_id("user_id"), by=request.user, client=request.client
    )
    return request.redirect(f"{request.url('/members')}?done=user_disabled")


async def post_enable(request: ConsoleRequest) -> Response:
    await enable_user(
        request.engine, request.path_id("user_id"), by=request.user, client=request.client
    )
    return request.redirect(f"{request.url('/members')}?done=user_enabled")


async def post_withdraw(request: ConsoleRequest) -> Response:
    await withdraw_invitation(
        request.engine,
        request.merchant_id,
        request.path_id("link_id"),
        by=request.user,
        client=request.client,
    )
    return request.redirect(f"{request.url('/members')}?done=withdrawn")


async def post_second_factor(request: ConsoleRequest) -> Response:
    """Set the roles that may view this merchant only with a second factor."""
    request.require_recent_proof()
    roles = [role for role in Role if request.field(f"role_{role}") == "on"]
    await set_mfa_policy(request.engine, request.merchant_id, roles)
    await request.audit("mfa_policy_changed", detail=", ".join(roles) or "nobody")
    return request.redirect(f"{request.url('/members')}?done=saved")


async def show_audit(request: ConsoleRequest) -> Response:
    before = whole_number(request.query("before", length_max=15))
    entries = await _entries(request, before=before, limit=PAGE + 1)
    search_text = request.query("q")
    params = {"q": search_text} if search_text else {}
    next_url = None
    if len(entries) > PAGE:
        next_url = "?" + urlencode({**params, "before": entries[PAGE - 1].position})
    return request.page(
        "audit.html",
        entries=entries[:PAGE],
        search_text=search_text,
        next_url=next_url,
        export="?" + urlencode(params),
    )


async def export_audit(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    await request.audit("audit_exported", detail="q=***" if request.query("q") else None)
    return request.csv_file("audit", ("created_at", *_COLUMNS), _rows(request))


async def _rows(request: ConsoleRequest) -> AsyncIterator[list[str | None]]:
    before: int | None = None
    while entries := await _entries(request, before=before, limit=_EXPORT_PAGE):
        for entry in request.shown(entries):
            yield [entry.created_at.isoformat(), *(getattr(entry, name) for name in _COLUMNS)]
        before = entries[-1].position


async def _entries(request: ConsoleRequest, *, before: int | None, limit: int) -> list[AuditEntry]:
    return await list_audit(
        request.engine,
        request.merchant_id,
        with_merchantless=request.user.is_owner,
        search_text=request.query("q") or None,
        before=before,
        limit=limit,
    )


async def _page(request: ConsoleRequest, *, link: str | None) -> Response:
    may_manage_members = request.user.may("manage_members", request.merchant_id)
    users = await list_users(request.engine) if request.user.is_owner else []
    return request.page(
        "members.html",
        members=await list_members(request.engine, request.merchant_id),
        invitations=await list_invitations(request.engine, request.merchant_id)
        if may_manage_members
        else [],
        disabled=[user for user in users if user.disabled_at],
        link=link,
        roles=MEMBER_ROLES,
        every_role=tuple(Role),
        mfa_roles=await mfa_roles(request.engine, request.merchant_id),
        may_manage_members=may_manage_members,
    )

"""People of a merchant, and the audit log of what they did."""

import csv
import io
from collections.abc import AsyncIterator
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from dasi.audit import Act, list_acts
from dasi.console.payments.payments import safe_cell
from dasi.console.routing import Visit
from dasi.console.templates import SECURITY_HEADERS
from dasi.foundation.errors import Invalid
from dasi.users import (
    GIVEN_ROLES,
    Role,
    ask_second_factor_of,
    invite,
    list_members,
    remove_member,
    second_factor_roles,
)

PAGE = 100
_EXPORT_PAGE = 1_000


async def show_people(visit: Visit) -> Response:
    return await _page(visit, link=None)


async def post_invite(visit: Visit) -> Response:
    role = visit.field("role")
    if role not in set(GIVEN_ROLES):
        raise Invalid("role", f"one of: {', '.join(GIVEN_ROLES)}")
    email = visit.field("email", length_max=254)
    link = await invite(
        visit.engine, visit.merchant_id, email=email, role=Role(role), made_by=visit.person
    )
    await visit.note("person_invited", about=email, detail=role)
    return await _page(visit, link=link)


async def post_remove(visit: Visit) -> Response:
    told = visit.request.path_params["person_id"]
    if not told.isascii() or not told.isdigit() or len(told) > 15:  # noqa: PLR2004  # fits bigint
        raise Invalid("person_id", "a number")
    members = await list_members(visit.engine, visit.merchant_id)
    email = next((one.email for one in members if one.person_id == int(told)), told)
    await remove_member(visit.engine, visit.merchant_id, int(told))
    await visit.note("person_removed", about=email)
    return visit.go(f"{visit.address('/people')}?done=removed")


async def post_second_factor(visit: Visit) -> Response:
    """Which roles see this shop only with a second factor."""
    roles = [role for role in Role if visit.field(f"role_{role}") == "on"]
    await ask_second_factor_of(visit.engine, visit.merchant_id, roles)
    await visit.note("second_factor_rule", detail=", ".join(roles) or "nobody")
    return visit.go(f"{visit.address('/people')}?done=saved")


async def show_audit(visit: Visit) -> Response:
    acts = await _acts(visit, before=_before(visit), limit=PAGE + 1)
    words = visit.query("q")
    kept = {"q": words} if words else {}
    next_url = None
    if len(acts) > PAGE:
        next_url = "?" + urlencode({**kept, "before": acts[PAGE - 1].position})
    return visit.page(
        "audit.html", acts=acts[:PAGE], asked=words, next_url=next_url, export="?" + urlencode(kept)
    )


async def export_audit(visit: Visit) -> Response:
    await visit.note("audit_exported", detail=visit.query("q") or None)

    async def lines() -> AsyncIterator[str]:
        yield "\ufeff" + _line(["at", "email", "what", "about", "detail", "address", "user_agent"])
        before: int | None = None
        while acts := await _acts(visit, before=before, limit=_EXPORT_PAGE):
            for act in acts:
                told = (act.email, act.what, act.about, act.detail, act.address, act.user_agent)
                yield _line([act.at.isoformat(), *(safe_cell(one or "") for one in told)])
            before = acts[-1].position

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={
            **SECURITY_HEADERS,
            "Content-Disposition": f'attachment; filename="audit-{visit.merchant.code}.csv"',
        },
    )


async def _acts(visit: Visit, *, before: int | None, limit: int) -> list[Act]:
    return await list_acts(
        visit.engine,
        visit.merchant_id,
        with_merchantless=visit.person.is_owner,
        words=visit.query("q") or None,
        before=before,
        limit=limit,
    )


async def _page(visit: Visit, *, link: str | None) -> Response:
    return visit.page(
        "people.html",
        members=await list_members(visit.engine, visit.merchant_id),
        link=link,
        roles=GIVEN_ROLES,
        every_role=tuple(Role),
        asked_of=await second_factor_roles(visit.engine, visit.merchant_id),
        may_invite=visit.person.may("invite", visit.merchant_id),
    )


def _before(visit: Visit) -> int | None:
    told = visit.query("before", length_max=15)
    return int(told) if told.isascii() and told.isdigit() else None


def _line(cells: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()

"""Pages of unresolved attempts: the lists, a lookup now, a manual resolution."""

from starlette.responses import Response

from dasi.console.payments.reason_labels import reason_label
from dasi.console.request import ConsoleRequest, next_url
from dasi.foundation.errors import Invalid, NotFound
from dasi.ledger import attempt_store
from dasi.outcomes import lookup_now, resolve_manually
from dasi.reporting import list_unresolved

PAGE = 50
_REASON_MIN = 3


async def show_unresolved(request: ConsoleRequest) -> Response:
    """Show two lists with pages of their own: manual review, and automatic lookup."""
    lists = {}
    for name, is_manual in (("manual", True), ("automatic", False)):
        page = await list_unresolved(
            request.engine,
            request.merchant_id,
            is_manual=is_manual,
            after=request.cursor(name),
            limit=PAGE,
        )
        lists[name] = (page.rows, next_url(page, name=name))
    return request.page(
        "unresolved.html",
        manual=lists["manual"],
        automatic=lists["automatic"],
        reason_label=reason_label,
        may_operate=request.user.may("operate", request.merchant_id),
    )


async def post_lookup(request: ConsoleRequest) -> Response:
    """Look the attempt up at the PG now. A lookup only reads, so it is allowed at any time."""
    attempt_id = request.field("attempt_id")
    await request.audit("attempt_looked_up", target=attempt_id)
    await lookup_now(request.engine, request.merchant_id, attempt_id)
    back = request.field("back")
    is_own_page = back.startswith(request.url("/")) and "//" not in back
    return request.redirect(f"{back if is_own_page else request.url('/unresolved')}?done=looked_up")


async def post_resolve(request: ConsoleRequest) -> Response:
    """Resolve an escalated attempt by the result that the user read in the PG's admin pages."""
    attempt_id, pg_tid = request.field("attempt_id"), request.field("pg_tid", length_max=60)
    happened = request.choice("happened", ("yes", "no"))
    reason = request.field("why")
    if happened == "yes" and not pg_tid:
        raise Invalid("pg_tid", "pg_tid")
    if len(reason) < _REASON_MIN:
        raise Invalid("why", "resolution_note")
    if not await attempt_store.is_unresolved(
        request.engine.database, request.merchant_id, attempt_id
    ):
        raise NotFound("already_resolved")
    await request.audit(
        "attempt_resolved", target=attempt_id, detail=f"{happened} {pg_tid} {reason}"
    )
    await resolve_manually(
        request.engine,
        attempt_id,
        pg_tid=pg_tid if happened == "yes" else None,
        actor=f"user:{request.user.email}",
        reason=reason,
    )
    return request.redirect(f"{request.url('/unresolved')}?done=saved")

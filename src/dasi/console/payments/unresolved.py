"""Unresolved attempts: what is not known, what is done about it, until when, and how it ends."""

from starlette.responses import Response

from dasi.console.payments.reason_labels import cause
from dasi.console.routing import ConsoleRequest, next_url
from dasi.foundation.errors import Invalid, NotFound
from dasi.ledger import attempt_store
from dasi.payments import lookup_now, resolve_manually
from dasi.reporting import list_unresolved

PAGE = 50
_WHY_MIN = 3


async def show_unresolved(request: ConsoleRequest) -> Response:
    """Two lists: those with a person, those the machine asks about. Each has pages of its own."""
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
        cause=cause,
        may_operate=request.user.may("operate", request.merchant_id),
    )


async def post_lookup(request: ConsoleRequest) -> Response:
    """Asks the PG now. It reads only, so it may be pressed at any time."""
    attempt_id = request.field("attempt_id")
    await request.audit("attempt_looked_up", target=attempt_id)
    await lookup_now(request.engine, request.merchant_id, attempt_id)
    back, ours = request.field("back"), request.url("/")
    is_ours = back.startswith(ours) and "//" not in back
    return request.redirect(f"{back if is_ours else request.url('/attempts')}?done=looked_up")


async def post_resolve(request: ConsoleRequest) -> Response:
    """Resolves an escalated attempt by what the PG's admin pages say."""
    attempt_id, pg_tid = request.field("attempt_id"), request.field("pg_tid", length_max=60)
    happened = request.field("happened")
    why = request.field("why")
    if happened not in ("yes", "no"):
        raise Invalid("happened", "one_of", values=("yes", "no"))
    if happened == "yes" and not pg_tid:
        raise Invalid("pg_tid", "pg_tid")
    if len(why) < _WHY_MIN:
        raise Invalid("why", "resolution_note")
    if not await attempt_store.is_unresolved(
        request.engine.database, request.merchant_id, attempt_id
    ):
        raise NotFound("already_resolved")
    await request.audit("attempt_resolved", target=attempt_id, detail=f"{happened} {pg_tid} {why}")
    await resolve_manually(
        request.engine,
        attempt_id,
        pg_tid=pg_tid if happened == "yes" else None,
        actor=f"user:{request.user.email}",
        reason=why,
    )
    return request.redirect(f"{request.url('/attempts')}?done=saved")
